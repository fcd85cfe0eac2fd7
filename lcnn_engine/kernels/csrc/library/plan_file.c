#include "library/plan_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library/contract.h"
#include "library/proof.h"
#include "library/sha256.h"
#include "runtime/alone.h"
#include "runtime/cpu.h"

#define PAGE 4096
#define DIGEST_FROM 64
#define RECORD_FROM 80
#define MOST_NAME (1 << 20) /* bytes of a string */
#define MOST_PLANS 64
#define CALL_BYTES 256 /* of a call in the file, at least: what is allocated is bounded by the size of the file */

static const unsigned char magic[8] = {0x89, 'L', 'C', 'N', 'N', '\r', '\n', 0x1a};

int lcnn_because(lcnn_reason *reason, lcnn_opening kind, const char *format, ...)
{
    va_list rest;
    reason->kind = kind;
    if (reason->text == NULL || reason->size == 0) return 0;
    va_start(rest, format);
    vsnprintf(reason->text, reason->size, format, rest);
    va_end(rest);
    return 0;
}

static uint64_t word_at(const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Everything that is true of every plan file, and then the digest. OUT constants: their offset. */
static int check_header(const unsigned char *bytes, size_t size, int digest, size_t *constants, lcnn_reason *reason)
{
    unsigned char found[32];
    if (size < RECORD_FROM || memcmp(bytes, magic, sizeof magic) != 0)
        return lcnn_because(reason, LCNN_NOT_A_PLAN, "expected a plan file, as `lcnn plan` writes it");
    const uint64_t format = word_at(bytes + 8);
    if (format != LCNN_PLAN_FORMAT)
        return lcnn_because(reason, LCNN_NEWER_OLDER, "expected plan format %d, found %llu: write the file again",
                            LCNN_PLAN_FORMAT, (unsigned long long)format);
    if (word_at(bytes + 16) != size)
        return lcnn_because(reason, LCNN_NOT_A_PLAN, "expected %llu bytes, found %llu: the file is damaged",
                            (unsigned long long)word_at(bytes + 16), (unsigned long long)size);
    if (digest) {
        lcnn_sha256(bytes + DIGEST_FROM, size - DIGEST_FROM, found);
        if (memcmp(found, bytes + 32, sizeof found) != 0)
            return lcnn_because(reason, LCNN_NOT_A_PLAN, "expected another SHA-256: the file is damaged");
    }
    if (word_at(bytes + 24) != lcnn_contract())
        return lcnn_because(reason, LCNN_NEWER_OLDER,
                            "expected a plan for the kernels of this library: write it with the same release of lcnn");
    const uint64_t offset = word_at(bytes + 64), count = word_at(bytes + 72);
    if (offset % PAGE || offset < RECORD_FROM || offset > size || count > size - offset ||
        size - offset - count != PAGE)
        return lcnn_because(reason, LCNN_NOT_A_PLAN, "expected constants inside of the file");
    *constants = (size_t)offset;
    return 1;
}

/* ------------------------------------------------------------------------------------------------- what it is of */

static int64_t next_product(lcnn_reader *reader, int64_t *shape, int64_t rank)
{
    int64_t product = 1;
    for (int64_t i = 0; i < 3; i++) {
        shape[i] = i < rank ? lcnn_next_int(reader, 1, LCNN_MOST / product) : 1;
        product *= shape[i];
    }
    return product;
}

static void read_model(lcnn_reader *reader, lcnn_opened *opened, lcnn_reader *labels)
{
    opened->name = lcnn_next_string(reader, MOST_NAME);
    opened->input_size = next_product(reader, opened->shape, 3);
    opened->output_rank = lcnn_next_int(reader, 1, 3);
    opened->output_size = next_product(reader, opened->output_shape, opened->output_rank);
    opened->rule = lcnn_next_rule(reader, opened->shape);
    opened->label_count = lcnn_next_int(reader, 0, LCNN_MOST);
    *labels = *reader;
    for (int64_t i = 0; i < opened->label_count && !reader->failed; i++) lcnn_next_string(reader, MOST_NAME);
}

/* -------------------------------------------------------------------------------------------------- which of them */

typedef struct {
    const lcnn_variant *variant;
    lcnn_reader reader; /* at the numbers of its plan */
    const char *precision;
} choice;

/* How far from the first of the library's variants one is: it is tried in that order, from `isa` on. -1: not at all. */
static int rank_of(const char *name, const char *isa)
{
    int from = isa == NULL;
    for (int i = 0; lcnn_variants()[i]; i++) {
        from |= isa && strcmp(lcnn_variants()[i]->name, isa) == 0;
        if (strcmp(lcnn_variants()[i]->name, name) == 0)
            return from && lcnn_variant_runs_here(lcnn_variants()[i]) ? i : -1;
    }
    return -1;
}

/* Go over the plans; the first of the variants that run here is the chosen one. */
static int choose(lcnn_reader *reader, const char *isa, choice *chosen, lcnn_reason *reason)
{
    int best = -1;
    const int64_t plans = lcnn_next_int(reader, 1, MOST_PLANS);
    for (int64_t i = 0; i < plans && !reader->failed; i++) {
        const char *name = lcnn_next_string(reader, MOST_NAME), *precision = lcnn_next_string(reader, MOST_NAME);
        const int64_t size = lcnn_next_int(reader, 0, INT64_MAX), rank = rank_of(name, isa);
        if (size % 8 || size > reader->end - reader->at) reader->failed = 1;
        if (reader->failed) break;
        if (rank >= 0 && (best < 0 || rank < best)) {
            best = (int)rank;
            *chosen = (choice){lcnn_variants()[rank], {reader->at, reader->at + size, 0}, precision};
        }
        reader->at += size;
    }
    if (reader->failed) return lcnn_because(reason, LCNN_NOT_A_PLAN, "expected a list of plans");
    if (best < 0)
        return lcnn_because(reason, LCNN_NOT_HERE, "expected a plan for this processor%s%.32s, found none in the file",
                            isa ? " and not above " : "", isa ? isa : "");
    return 1;
}

/* ---------------------------------------------------------------------------------------------------------- calls */

/* Where constants lie, and calls are read from. */
typedef struct {
    lcnn_reader *reader;
    const unsigned char *constants;
    int64_t constant_bytes;
} source;

static const void *next_constant(const source *from)
{
    const int64_t offset = lcnn_next_int(from->reader, -1, from->constant_bytes);
    if (offset >= 0 && offset % 64) from->reader->failed = 1;
    return offset < 0 || from->reader->failed ? NULL : from->constants + offset;
}

#define next_int(from) lcnn_next_int((from)->reader, -LCNN_MOST, LCNN_MOST)
#define next_place(from) lcnn_next_int((from)->reader, -1, LCNN_MOST)
#define next_float(from) lcnn_next_float((from)->reader)
#define next_act(from) (lcnn_activation) lcnn_next_int((from)->reader, 0, LCNN_ACTIVATION_COUNT - 1)
#define next_ints(from) (lcnn_ints) next_constant(from)
#define next_floats(from) (lcnn_floats) next_constant(from)
#define next_weights(from) next_constant(from)

#define NEXT_OF_MAP(type, name) map.name = next_##type(from);
#define NEXT_OF_CALL(type, name) fields.name = next_##type(from);

static lcnn_map next_map(const source *from)
{
    lcnn_map map;
    LCNN_MAP_FIELDS(NEXT_OF_MAP)
    return map;
}

/* The fields of the call's kernel, as its struct in the union has them. */
static void read_fields(const source *from, int64_t kernel, lcnn_call *call)
{
    switch (kernel) {
#define READ(name, list)                                                                       \
    case LCNN_KERNEL_##name: {                                                                 \
        struct {                                                                               \
            list(LCNN_MEMBER) char end;                                                        \
        } fields = {0};                                                                        \
        list(NEXT_OF_CALL) memcpy(&call->u, &fields, (size_t)(&fields.end - (char *)&fields)); \
        break;                                                                                 \
    }
        LCNN_KERNELS(READ)
#undef READ
    default: break;
    }
}

/* The kernel's number; `failed` where there is none of it. A kernel says how many maps it reads and writes. */
static int64_t next_call(const source *from, const lcnn_variant *variant, lcnn_call *call)
{
    memset(call, 0, sizeof *call);
    const int64_t kernel = lcnn_next_int(from->reader, 0, LCNN_KERNEL_COUNT - 1);
    call->units = lcnn_next_int(from->reader, 1, LCNN_MOST);
    for (int i = 0; i < LCNN_MAX_INPUTS; i++) call->in[i] = next_map(from);
    call->out = next_map(from);
    read_fields(from, kernel, call);
    call->kernel = variant->kernels[kernel];
    return kernel;
}

/* All calls, each proved as soon as it is read. */
static int read_calls(const source *from, const choice *chosen, lcnn_opened *opened, lcnn_reason *reason)
{
    lcnn_proof proof = {
        .able = &chosen->variant->capabilities,
        .arena = opened->arena,
        .scratch = opened->scratch,
        .input = opened->input_size,
        .output = opened->output_size,
        .constants = from->constants,
        .constant_bytes = from->constant_bytes,
        .nonzeros = chosen->variant->kernels[LCNN_KERNEL_nonzeros],
        .nonzeros_int8 = chosen->variant->kernels[LCNN_KERNEL_nonzeros_int8],
    };
    for (int64_t i = 0; i < opened->call_count; i++) {
        lcnn_call *call = &opened->calls[i];
        const int64_t kernel = next_call(from, chosen->variant, call);
        if (from->reader->failed)
            return lcnn_because(reason, LCNN_NOT_A_PLAN, "call %lld: expected numbers within their bounds",
                                (long long)i);
        proof.call = call;
        proof.before = i ? call - 1 : NULL;
        if (!lcnn_prove(&proof, kernel))
            return lcnn_because(reason, LCNN_NOT_A_PLAN, "call %lld (%s): expected %s", (long long)i,
                                lcnn_kernel_name(kernel), proof.why);
    }
    const lcnn_call *last = &opened->calls[opened->call_count - 1];
    if (last->kernel != chosen->variant->kernels[LCNN_KERNEL_to_nhwc] || last->u.to_nhwc.output != 0 ||
        from->reader->at != from->reader->end)
        return lcnn_because(reason, LCNN_NOT_A_PLAN, "expected the result to be written by the last call");
    return 1;
}

static int read_capabilities(lcnn_reader *reader, const lcnn_variant *variant)
{
    int same = 1;
#define SAME(name, value) same &= lcnn_next_int(reader, 0, LCNN_MOST) == variant->capabilities.name;
    LCNN_CAPABILITIES(SAME)
#undef SAME
    return same && !reader->failed;
}

/* One block for calls and labels, zeroed. */
static int allocate(lcnn_opened *opened, lcnn_reader *labels, lcnn_reason *reason)
{
    const size_t calls = sizeof(lcnn_call) * (size_t)opened->call_count;
    opened->memory = malloc(calls + sizeof(char *) * (size_t)opened->label_count);
    if (opened->memory == NULL) return lcnn_because(reason, LCNN_TOO_LITTLE, "expected more memory for the calls");
    opened->calls = opened->memory;
    opened->labels = (const char **)(void *)((char *)opened->memory + calls);
    for (int64_t i = 0; i < opened->label_count; i++) opened->labels[i] = lcnn_next_string(labels, MOST_NAME);
    return 1;
}

static int read_plan(source *from, choice *chosen, lcnn_opened *opened, lcnn_reader *labels, lcnn_reason *reason)
{
    from->reader = &chosen->reader;
    if (!read_capabilities(from->reader, chosen->variant))
        return lcnn_because(reason, LCNN_NEWER_OLDER,
                            "expected a plan for the kernels of this library: write it again");
    opened->isa = chosen->variant->name;
    opened->precision = chosen->precision;
    opened->arena = lcnn_next_int(from->reader, 1, LCNN_MOST);
    opened->scratch = lcnn_next_int(from->reader, 0, LCNN_MOST);
    opened->call_count = lcnn_next_int(from->reader, 1, (from->reader->end - from->reader->at) / CALL_BYTES);
    if (from->reader->failed) return lcnn_because(reason, LCNN_NOT_A_PLAN, "expected a plan of at least one call");
    if (!allocate(opened, labels, reason)) return 0;
    if (read_calls(from, chosen, opened, reason)) return 1;
    lcnn_release_opened(opened);
    return 0;
}

int lcnn_open_plan(const unsigned char *bytes, size_t size, const char *isa, int digest, lcnn_opened *opened,
                   lcnn_reason *reason)
{
    size_t constants = 0;
    choice chosen = {NULL, {NULL, NULL, 0}, NULL};
    lcnn_reader labels;
    memset(opened, 0, sizeof *opened);
    if (!check_header(bytes, size, digest, &constants, reason)) return 0;
    lcnn_reader reader = {bytes + RECORD_FROM, bytes + constants, 0};
    source from = {&reader, bytes + constants, (int64_t)(size - constants - PAGE)};
    read_model(&reader, opened, &labels);
    if (reader.failed) return lcnn_because(reason, LCNN_NOT_A_PLAN, "expected shapes, preprocessing and labels");
    if (!choose(&reader, isa, &chosen, reason)) return 0;
    return read_plan(&from, &chosen, opened, &labels, reason);
}

void lcnn_release_opened(lcnn_opened *opened)
{
    free(opened->memory);
    opened->memory = NULL;
}

int lcnn_run_opened(const lcnn_opened *opened, float *arena, float *scratch, const float *input, float *output)
{
    return lcnn_run_alone(opened->calls, opened->call_count, arena, scratch, input, output);
}

int64_t lcnn_guard(void) { return LCNN_GUARD; }
