/* Run a plan: its calls in order, each cut into units for a team of threads, or whole images one a thread. */
#ifndef LCNN_PROGRAM_H
#define LCNN_PROGRAM_H

#include <stdint.h>

#include "calls.h"

typedef struct {
    const lcnn_call *calls;
    int64_t count;
    int64_t input_size; /* floats of one image */
} lcnn_program;

/* Memory of one thread: the arena it runs images in, and scratch. An image run by a team uses the first arena. */
typedef struct {
    float *arena, *scratch;
} lcnn_memory;

/* Asked by the calling thread about every tenth of a second, between two calls or parts of one: not 0 ends the run. */
typedef int (*lcnn_interrupted)(void);

/* Run `images` images on up to `threads` threads, `memory` having an entry for each. `seconds`, if not NULL, has
 * the time of each call added at the number of its step; `interrupted` may be NULL. Returns 0, 1 if the input holds a
 * number that is not finite, or -1 if the run was interrupted. */
int lcnn_run(const lcnn_program *program, const lcnn_memory *memory, int threads, const float *input, int64_t images,
             float *const *outputs, double *seconds, lcnn_interrupted interrupted);

#endif
