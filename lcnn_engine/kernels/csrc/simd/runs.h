/* Loops over a run of consecutive floats. */
#ifndef LCNN_RUNS_H
#define LCNN_RUNS_H

#include "simd/masks.h"
#include "simd/mathematics.h"
#include "simd/vectors.h"

/* to[i] = from[i]. */
INLINE void copy_run(float *restrict to, const float *restrict from, int64_t length)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) vstore(to + i, vload(from + i));
    if (i < length) vstore_part(to + i, vload_part(from + i, length - i), length - i);
}

/* p[i] = value. */
INLINE void fill_run(float *p, int64_t length, float value)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) vstore(p + i, vset(value));
    if (i < length) vstore_part(p + i, vset(value), length - i);
}

INLINE void zero_run(float *p, int64_t length) { fill_run(p, length, 0.0f); }

/* out[i] = activation(in[i]); in and out may be the same. */
INLINE void activate_run(float *out, const float *in, int64_t length, lcnn_activation kind, float alpha)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) vstore(out + i, vactivate(vload(in + i), kind, alpha));
    if (i < length) vstore_part(out + i, vactivate(vload_part(in + i, length - i), kind, alpha), length - i);
}

/* A sum of floats that are all near 1000 loses 10^-8 with every one: a long one is made of parts of so many vectors. */
#define SUM_VECTORS 256
#define SUM_TAPS 192 /* products of a convolution: a longer sum of like numbers would lose digits */

/* The sum (`add`) or maximum of `result` and a run, lane by lane. The last vector overlaps the one before it where
 * lanes would be missing for a maximum; a sum has zeros there. */
INLINE vf reduce_run(const int add, const float *in, int64_t length, vf result)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH)
        result = add ? result + vload(in + i) : vmaximum(result, vload(in + i));
    if (i == length) return result;
    if (add) return result + vload_part(in + i, length - i);
    if (length >= LCNN_WIDTH) return vmaximum(result, vload(in + length - LCNN_WIDTH));
    for (; i < length; i++) result = vmaximum(result, vset(in[i]));
    return result;
}

#endif
