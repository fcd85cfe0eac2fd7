/* Run a plan's calls in order on the calling thread: for programs without Python. */
#ifndef LCNN_ALONE_H
#define LCNN_ALONE_H

#include "calls.h"

/* 0, or 1 where the input holds a number that is not finite. */
static inline int lcnn_run_alone(const lcnn_call *calls, int64_t count, float *arena, float *scratch,
                                 const float *input, float *output)
{
    int rejected = 0;
    float *const outputs[1] = {output};
    const lcnn_context at = {
        .arena = arena,
        .input = input,
        .outputs = outputs,
        .image = 0,
        .scratch = scratch,
        .rejected = &rejected,
    };
    for (int64_t i = 0; i < count && !rejected; i++) calls[i].kernel(&calls[i], &at, 0, calls[i].units);
    return rejected;
}

#endif
