/* A plan file (docs/c-library.md has its format), and what is made of one when it is opened. */
#ifndef LCNN_PLAN_FILE_H
#define LCNN_PLAN_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "library/pictures.h"

#define LCNN_PLAN_FORMAT 1
#define LCNN_MOST 0x7fffffff /* of a field, in the file */

struct lcnn_call;

/* An open plan. Strings and constants lie in the file; calls and labels in one block of memory. */
typedef struct {
    const char *name, *isa, *precision;
    int64_t shape[3], output_shape[3], output_rank, input_size, output_size;
    const char **labels;
    int64_t label_count;
    lcnn_picture_rule rule;
    struct lcnn_call *calls;
    int64_t call_count, arena, scratch; /* the last two in floats */
    void *memory;
} lcnn_opened;

/* Why there is no plan: `kind`, and in words. */
typedef enum {
    LCNN_OPENED,
    LCNN_NOT_A_PLAN,  /* or a damaged one, or one that reaches out of its memory */
    LCNN_NEWER_OLDER, /* for another version of the library */
    LCNN_NOT_HERE,    /* no plan that this processor runs */
    LCNN_TOO_LITTLE   /* memory */
} lcnn_opening;

typedef struct {
    lcnn_opening kind;
    char *text; /* of `size` bytes, or NULL */
    size_t size;
} lcnn_reason;

/* Say why, in the words of printf; 0. */
__attribute__((format(printf, 3, 4))) int lcnn_because(lcnn_reason *reason, lcnn_opening kind, const char *format, ...);

/* Open the plan in `size` bytes, on a line of 64, for `isa` or the fastest. 1, and `opened` is to be released; 0: there
 * is nothing to release, and the reason says why. `digest`: hold the bytes to theirs. */
int lcnn_open_plan(const unsigned char *bytes, size_t size, const char *isa, int digest, lcnn_opened *opened,
                   lcnn_reason *reason);
void lcnn_release_opened(lcnn_opened *opened);

/* Run one input; 1 where it holds a number that is not finite. The arena has LCNN_GUARD floats before and behind it,
 * and scratch behind it. */
int lcnn_run_opened(const lcnn_opened *opened, float *arena, float *scratch, const float *input, float *output);

/* Floats around an arena: LCNN_GUARD of proof.h. */
int64_t lcnn_guard(void);

#endif
