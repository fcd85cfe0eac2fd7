/* Opens damaged copies of a plan file, and runs what opens, in memory of its exact size: a sanitizer sees what leaves
 * it.
 *
 *     ./damaged_plans FILE ISA SEED COUNT          prints how many were refused, were opened, and ran */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library/plan_file.h"

#define RECORD_FROM 80
#define MOST_FLOATS ((int64_t)1 << 24) /* of an arena that is run in: a greater one would only take longer to fill */

static uint64_t state;

static uint64_t any(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static uint64_t below(uint64_t bound) { return any() % bound; }

/* A number that breaks things, or nearly the one that was there. */
static int64_t bad_number(int64_t was)
{
    static const int64_t known[] = {0,
                                    1,
                                    -1,
                                    2,
                                    3,
                                    4,
                                    7,
                                    8,
                                    15,
                                    16,
                                    17,
                                    31,
                                    32,
                                    63,
                                    64,
                                    65,
                                    128,
                                    255,
                                    256,
                                    1024,
                                    65535,
                                    INT32_MAX,
                                    INT32_MAX - 1,
                                    INT32_MIN,
                                    (int64_t)1 << 31,
                                    (int64_t)1 << 32,
                                    (int64_t)1 << 40,
                                    (int64_t)1 << 62,
                                    INT64_MAX,
                                    INT64_MIN};
    switch (below(6)) {
    case 0: return known[below(sizeof known / sizeof *known)];
    case 1: return was + (int64_t)below(33) - 16;
    case 2: return (int64_t)((uint64_t)was ^ (uint64_t)1 << below(64));
    case 3: return (int64_t)((uint64_t)was * 2);
    case 4: return was / 2;
    default: return was + 64 * ((int64_t)below(65) - 32);
    }
}

/* Change a word of the record, or one of the constants, or take another one's place. */
static void damage(unsigned char *bytes, size_t size, size_t constants)
{
    const size_t words = (constants - RECORD_FROM) / 8;
    unsigned char *at = bytes + RECORD_FROM + 8 * below(words);
    int64_t number;
    int32_t small;
    switch (below(8)) {
    case 0: memcpy(at, bytes + RECORD_FROM + 8 * below(words), 8); break;
    case 1:
    case 2:
        at = bytes + constants + 4 * below((size - constants) / 4);
        memcpy(&small, at, sizeof small);
        small = (int32_t)(uint32_t)(uint64_t)bad_number(small);
        memcpy(at, &small, sizeof small);
        break;
    case 3: bytes[below(size)] = (unsigned char)any(); break;
    default:
        memcpy(&number, at, sizeof number);
        number = bad_number(number);
        memcpy(at, &number, sizeof number);
    }
}

static float *floats(int64_t count)
{
    float *made = malloc(sizeof(float) * (size_t)count);
    if (made == NULL) exit(3);
    for (int64_t i = 0; i < count; i++) made[i] = (float)(int64_t)(any() % 2001) / 1000.0f - 1.0f;
    return made;
}

/* Two runs, the second in what the first has left; and a picture. */
static void use(const lcnn_opened *opened)
{
    const int64_t guard = lcnn_guard();
    float *arena = floats(opened->arena + 2 * guard), *scratch = floats(opened->scratch + guard);
    float *input = floats(opened->input_size), *output = floats(opened->output_size);
    memset(arena, 0xAB, sizeof(float) * (size_t)(opened->arena + 2 * guard));
    for (int i = 0; i < 2; i++) lcnn_run_opened(opened, arena + guard, scratch, input, output);
    const int64_t width = (int64_t)below(70) + 1, height = (int64_t)below(70) + 1;
    const size_t room = lcnn_picture_size(&opened->rule, width, height);
    if (room > 0 && room < (size_t)MOST_FLOATS) {
        unsigned char *pixels = malloc((size_t)(3 * width * height));
        void *memory = malloc(room);
        if (pixels == NULL || memory == NULL) exit(3);
        memset(pixels, (int)below(256), (size_t)(3 * width * height));
        lcnn_make_input(&opened->rule, pixels, width, height, 3, memory, input);
        free(pixels);
        free(memory);
    }
    free(arena), free(scratch), free(input), free(output);
}

static unsigned char *whole_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) exit(3);
    *size = (size_t)ftell(file);
    unsigned char *bytes = malloc(*size);
    rewind(file);
    if (bytes == NULL || fread(bytes, 1, *size, file) != *size) exit(3);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    size_t size;
    uint64_t constants;
    long refused = 0, opened_ones = 0, ran = 0;
    if (argc != 5) return 2;
    unsigned char *whole = whole_file(argv[1], &size);
    memcpy(&constants, whole + 64, sizeof constants);
    state = (uint64_t)strtoull(argv[3], NULL, 10) * 2654435761u + 88172645463325252u;
    for (long i = 0, count = strtol(argv[4], NULL, 10); i <= count; i++) {
        char why[256];
        lcnn_opened opened;
        lcnn_reason reason = {LCNN_OPENED, why, sizeof why};
        const size_t kept = i && below(50) == 0 ? below(size) : size;
        unsigned char *copy = aligned_alloc(64, (kept + 63) / 64 * 64 + 64);
        if (copy == NULL) return 3;
        memcpy(copy, whole, kept);
        for (uint64_t changes = i && kept == size ? 1 + below(3) : 0; changes > 0; changes--)
            damage(copy, size, constants);
        if (getenv("DAMAGED_PLANS_SHOW")) fprintf(stderr, "%ld\n", i);
        if (lcnn_open_plan(copy, kept, argv[2], 0, &opened, &reason)) {
            opened_ones++;
            if (opened.arena <= MOST_FLOATS && opened.scratch <= MOST_FLOATS && opened.input_size <= MOST_FLOATS) {
                use(&opened);
                ran++;
            }
            lcnn_release_opened(&opened);
        } else {
            if (i == 0) fprintf(stderr, "%s\n", why);
            refused++;
        }
        free(copy);
        if (i == 0 && ran != 1) return 4; /* what was not damaged */
    }
    printf("%ld %ld %ld\n", refused, opened_ones, ran);
    free(whole);
    return 0;
}
