/* Run a plan: its steps in order, each cut into units for a team of threads, or whole pictures one a thread. */
#ifndef LCNN_PROGRAM_H
#define LCNN_PROGRAM_H

#include <stdint.h>

#include "steps.h"

typedef struct {
    const lcnn_step *steps;
    int64_t count;
    int64_t input_size; /* floats of one picture */
} lcnn_program;

/* Memory of one thread: the arena it runs pictures in, and scratch. A picture run by a team uses the first arena. */
typedef struct {
    float *arena, *scratch;
} lcnn_memory;

/* Run `pictures` pictures on up to `threads` threads, `memory` having an entry for each. `seconds`, if not NULL, has
 * the time of each step added to it. Returns 0, or 1 if the input holds a number that is not finite. */
int lcnn_run(const lcnn_program *program, const lcnn_memory *memory, int threads, const float *input,
             int64_t pictures, float *const *outputs, double *seconds);

#endif
