#include "library/lcnn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library/bytes.h"
#include "library/plan_file.h"
#include "runtime/memory.h"

#define LINE 64 /* bytes: what arenas lie on */

_Static_assert(sizeof(size_t) >= 8, "sizes of contexts go up to 16 GiB");

struct lcnn_plan {
    lcnn_opened opened;
    lcnn_bytes bytes;
};

struct lcnn_context {
    const lcnn_opened *opened;
    float *arena, *scratch;
    lcnn_block block; /* to be released, or nothing */
};

int lcnn_api_version(void) { return LCNN_API_VERSION; }

const char *lcnn_version(void) { return LCNN_VERSION; }

const char *lcnn_message(lcnn_status status)
{
    switch (status) {
    case LCNN_OK: return "done";
    case LCNN_NOT_FINITE: return "the input holds a number that is not finite";
    case LCNN_NO_MEMORY: return "not enough memory";
    case LCNN_BAD_IMAGE: return "the image is too small, too large, or of another number of channels";
    case LCNN_NO_FILE: return "the file cannot be read";
    case LCNN_BAD_PLAN: return "not a plan file, or a damaged one";
    case LCNN_OTHER_VERSION: return "the plan file is for another version of this library";
    case LCNN_NO_ISA: return "the plan file has no plan that this processor runs";
    case LCNN_BAD_ARGUMENT: return "an argument is NULL that must not be";
    }
    return "unknown";
}

/* ------------------------------------------------------------------------------------------------------- opening */

static lcnn_status status_of(lcnn_opening kind)
{
    switch (kind) {
    case LCNN_OPENED: return LCNN_OK;
    case LCNN_NOT_A_PLAN: return LCNN_BAD_PLAN;
    case LCNN_NEWER_OLDER: return LCNN_OTHER_VERSION;
    case LCNN_NOT_HERE: return LCNN_NO_ISA;
    case LCNN_TOO_LITTLE: return LCNN_NO_MEMORY;
    }
    return LCNN_BAD_PLAN;
}

/* A plan of these bytes, which are released where there is none. */
static lcnn_status open_bytes(lcnn_bytes bytes, const char *isa, unsigned flags, lcnn_plan **plan, lcnn_reason *reason)
{
    lcnn_plan *made = malloc(sizeof *made);
    if (made == NULL) lcnn_because(reason, LCNN_TOO_LITTLE, "expected more memory for the plan");
    else if (lcnn_open_plan(bytes.start, bytes.size, isa, !(flags & LCNN_NO_DIGEST), &made->opened, reason)) {
        made->bytes = bytes;
        *plan = made;
        return LCNN_OK;
    }
    free(made);
    lcnn_release_bytes(bytes);
    return status_of(reason->kind);
}

lcnn_status lcnn_open(const char *path, const char *isa, unsigned flags, lcnn_plan **plan, char *why, size_t size)
{
    lcnn_reason reason = {LCNN_OPENED, why, size};
    if (why && size) why[0] = 0;
    if (plan == NULL) return LCNN_BAD_ARGUMENT;
    *plan = NULL;
    if (path == NULL) return LCNN_BAD_ARGUMENT;
    const lcnn_bytes bytes = lcnn_bytes_of_file(path, (flags & LCNN_COPY) != 0);
    if (bytes.start == NULL) {
        const int error = errno;
        lcnn_because(&reason, LCNN_NOT_A_PLAN, "%.160s: %s", path,
                     error ? strerror(error) : "expected a file of at least one byte");
        return error == ENOMEM ? LCNN_NO_MEMORY : LCNN_NO_FILE;
    }
    return open_bytes(bytes, isa, flags, plan, &reason);
}

lcnn_status lcnn_open_memory(const void *bytes, size_t length, const char *isa, unsigned flags, lcnn_plan **plan,
                             char *why, size_t size)
{
    lcnn_reason reason = {LCNN_OPENED, why, size};
    if (why && size) why[0] = 0;
    if (plan == NULL) return LCNN_BAD_ARGUMENT;
    *plan = NULL;
    if (bytes == NULL) return LCNN_BAD_ARGUMENT;
    if ((uintptr_t)bytes % LINE && !(flags & LCNN_COPY)) {
        lcnn_because(&reason, LCNN_NOT_A_PLAN, "expected bytes at a multiple of 64: move them, or give LCNN_COPY");
        return LCNN_BAD_ARGUMENT;
    }
    const lcnn_bytes held = lcnn_bytes_of_memory(bytes, length, (flags & LCNN_COPY) != 0);
    if (held.start == NULL) return LCNN_NO_MEMORY;
    return open_bytes(held, isa, flags, plan, &reason);
}

void lcnn_close(lcnn_plan *plan)
{
    if (plan == NULL) return;
    lcnn_release_opened(&plan->opened);
    lcnn_release_bytes(plan->bytes);
    free(plan);
}

/* --------------------------------------------------------------------------------------------- what a plan is of */

const char *lcnn_name(const lcnn_plan *plan) { return plan->opened.name; }
const char *lcnn_isa(const lcnn_plan *plan) { return plan->opened.isa; }
const char *lcnn_precision(const lcnn_plan *plan) { return plan->opened.precision; }
size_t lcnn_input_size(const lcnn_plan *plan) { return (size_t)plan->opened.input_size; }
size_t lcnn_output_size(const lcnn_plan *plan) { return (size_t)plan->opened.output_size; }
size_t lcnn_label_count(const lcnn_plan *plan) { return (size_t)plan->opened.label_count; }

void lcnn_input_shape(const lcnn_plan *plan, int64_t shape[3])
{
    memcpy(shape, plan->opened.shape, sizeof plan->opened.shape);
}

int lcnn_output_shape(const lcnn_plan *plan, int64_t shape[3])
{
    memcpy(shape, plan->opened.output_shape, sizeof plan->opened.output_shape);
    return (int)plan->opened.output_rank;
}

const char *lcnn_label(const lcnn_plan *plan, size_t number)
{
    return number < (size_t)plan->opened.label_count ? plan->opened.labels[number] : NULL;
}

/* ------------------------------------------------------------------------------------------------------- running */

static size_t lines(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

/* Bytes of the context itself, of the arena with what is around it, and of scratch with what is behind it. */
static size_t head_bytes(void) { return lines(sizeof(lcnn_context)); }
static size_t guard_bytes(void) { return lines(sizeof(float) * (size_t)lcnn_guard()); }
static size_t arena_bytes(const lcnn_opened *opened) { return lines(sizeof(float) * (size_t)opened->arena); }
static size_t scratch_bytes(const lcnn_opened *opened) { return lines(sizeof(float) * (size_t)opened->scratch); }

size_t lcnn_context_size(const lcnn_plan *plan)
{
    return head_bytes() + arena_bytes(&plan->opened) + scratch_bytes(&plan->opened) + 3 * guard_bytes() + LINE;
}

/* In zeroed memory on a line. */
static lcnn_context *laid_out(const lcnn_plan *plan, char *start)
{
    lcnn_context *context = (lcnn_context *)(void *)start;
    char *arena = start + head_bytes() + guard_bytes();
    context->opened = &plan->opened;
    context->arena = (float *)(void *)arena;
    context->scratch = (float *)(void *)(arena + arena_bytes(&plan->opened) + guard_bytes());
    return context;
}

lcnn_context *lcnn_init(const lcnn_plan *plan, void *memory, size_t size)
{
    if (plan == NULL || memory == NULL || size < lcnn_context_size(plan)) return NULL;
    char *start = (char *)memory + (LINE - (uintptr_t)memory % LINE) % LINE;
    memset(start, 0, lcnn_context_size(plan) - LINE);
    return laid_out(plan, start);
}

lcnn_context *lcnn_context_new(const lcnn_plan *plan)
{
    if (plan == NULL) return NULL;
    const lcnn_block block = lcnn_allocate(lcnn_context_size(plan));
    if (block.start == NULL) return NULL;
    lcnn_context *context = laid_out(plan, block.start);
    context->block = block;
    return context;
}

void lcnn_context_free(lcnn_context *context)
{
    if (context == NULL || context->block.start == NULL) return;
    const lcnn_block block = context->block;
    lcnn_release(block);
}

lcnn_status lcnn_run(lcnn_context *context, const float *input, float *output)
{
    if (context == NULL || input == NULL || output == NULL) return LCNN_BAD_ARGUMENT;
    return lcnn_run_opened(context->opened, context->arena, context->scratch, input, output) ? LCNN_NOT_FINITE
                                                                                             : LCNN_OK;
}

/* ------------------------------------------------------------------------------------------------------ pictures */

size_t lcnn_prepare_size(const lcnn_plan *plan, int width, int height)
{
    return plan ? lcnn_picture_size(&plan->opened.rule, width, height) : 0;
}

lcnn_status lcnn_prepare(const lcnn_plan *plan, const uint8_t *pixels, int width, int height, int channels,
                         void *memory, size_t size, float *input)
{
    if (plan == NULL || pixels == NULL || input == NULL) return LCNN_BAD_ARGUMENT;
    const size_t needed = lcnn_prepare_size(plan, width, height);
    if (needed == 0 || (channels != 1 && channels != 3 && channels != 4)) return LCNN_BAD_IMAGE;
    if (memory == NULL || size < needed) return LCNN_NO_MEMORY;
    lcnn_make_input(&plan->opened.rule, pixels, width, height, channels, memory, input);
    return LCNN_OK;
}
