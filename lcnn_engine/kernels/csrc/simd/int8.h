/* Words of four 8-bit numbers, the first in the lowest byte, of four channels or inputs: what kernels of int8 multiply.
 *
 * Inputs are 0 to 255, weights -127 to 127; products are summed up in int32, exactly: every variant has the same sums.
 * What they are made of, and how, is defined in model/int8.py; steps here round as there. */
#ifndef LCNN_INT8_H
#define LCNN_INT8_H

#include "simd/bfloat16.h"
#include "simd/masks.h"
#include "simd/vectors.h"

/* How integers were made of an input: with `zero` standing for 0. Floats in the arena, `zero` a whole number. */
typedef struct {
    float scale, zero;
} int8_range;

/* The range of an input, and 1 / scale (or 0), of the greatest of its values and of 0, and of those of its negatives.
 */
INLINE int8_range range_of(float high, float low, float *inverse)
{
    const float scale = high / 255.0f + low / 255.0f;
    *inverse = 0.0f;
    if (!(scale - scale == 0.0f)) return (int8_range){__builtin_nanf(""), 0.0f}; /* not finite */
    if (scale < 0x1p-126f) return (int8_range){0.0f, 0.0f};
    *inverse = 1.0f / scale;
    return (int8_range){scale, (float)vround(vset(low * *inverse))[0]};
}

/* The range of an input of which `ranges` found the greatest values, in `parts` parts. */
INLINE int8_range range_of_parts(const float *parts, int64_t count, float *inverse)
{
    vf high = vset(0.0f), low = vset(0.0f);
    for (int64_t part = 0; part < count; part++) {
        high = vmaximum(high, vset(parts[2 * part]));
        low = vmaximum(low, vset(parts[2 * part + 1]));
    }
    return range_of(high[0], low[0], inverse);
}

INLINE vf vfloat(vi x) { return __builtin_convertvector(x, vf); }

/* The integers of an input, as of `r`; NaN becomes one of them, too. */
INLINE vi vquantize(vf x, int8_range r, float inverse)
{
    return vround(vmin(vmax(x * vset(inverse), vset(-r.zero)), vset(255.0f - r.zero))) + vround(vset(r.zero));
}

typedef int8_t vbytes __attribute__((vector_size(LCNN_WIDTH), aligned(1), may_alias));

#if !LCNN_HAS_INT8

/* Byte `at` of every lane of x, 0 to 255, times that of w, -128 to 127. */
INLINE vi vproduct_int8(vi x, vi w, const int at) { return (x >> 8 * at & 255) * ((vi)((vu)w << (24 - 8 * at)) >> 24); }

/* sum + the products of all four bytes. */
INLINE vi vdot_int8(vi sum, vi x, vi w)
{
    sum += vproduct_int8(x, w, 0) + vproduct_int8(x, w, 1);
    return sum + vproduct_int8(x, w, 2) + vproduct_int8(x, w, 3);
}

/* sums[l] += the four bytes of x times those of four rows, at the four vectors of columns from `at` on. The order of
 * columns in sums is the variant's own until vorder_rows_int8 sets it right. */
INLINE void vdot_rows_int8(vi *sums, vi x, const int8_t *const *rows, int64_t at)
{
    for (int v = 0; v < 4; v++)
        for (int r = 0; r < 4; r++) {
            const vbytes w = *(const vbytes *)(rows[r] + at + v * LCNN_WIDTH);
            sums[v] += (x >> 8 * r & 255) * __builtin_convertvector(w, vi);
        }
}

INLINE void vorder_rows_int8(vi *sums) { (void)sums; }

#endif

#endif
