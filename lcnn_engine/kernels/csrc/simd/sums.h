/* Long sums, made of parts: of a plane, and over channels. */
#ifndef LCNN_SUMS_H
#define LCNN_SUMS_H

#include "simd/masks.h"
#include "simd/runs.h"
#include "simd/shuffles.h"
#include "simd/vectors.h"

/* The sum of a plane of `runs` runs: up to SUM_VECTORS in floats, then in doubles. */
INLINE float plane_sum(const float *source, int64_t runs, int64_t length, int64_t row)
{
    const int64_t part = SUM_VECTORS * LCNN_WIDTH;
    double total = 0;
    vf sum = vset(0.0f);
    int64_t floats = 0; /* in `sum` */
    for (int64_t y = 0; y < runs; y++)
        for (int64_t x = 0; x < length; x += part) {
            const int64_t count = min_i64(part, length - x);
            if (floats + count > part) {
                total += sum_of_lanes(sum);
                sum = vset(0.0f);
                floats = 0;
            }
            sum = reduce_run(1, source + y * row + x, count, sum);
            floats += (count + LCNN_WIDTH - 1) / LCNN_WIDTH * LCNN_WIDTH;
        }
    return (float)(total + sum_of_lanes(sum));
}

/* The sum over channels of LCNN_WIDTH pixels, of which `lanes` are there, in parts. */
INLINE vf sum_of_channels(const float *source, int64_t plane, int64_t channels, int64_t lanes)
{
    vf total = vset(0.0f);
    for (int64_t first = 0; first < channels; first += SUM_VECTORS) {
        vf sum = vset(0.0f);
        for (int64_t c = first; c < min_i64(first + SUM_VECTORS, channels); c++)
            sum += vload_part(source + c * plane, lanes);
        total += sum;
    }
    return total;
}

#endif
