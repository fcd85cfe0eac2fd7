/* Words of two bfloat16 numbers, the first in the lower half: what kernels of that precision multiply.
 *
 * A float becomes the nearest of them, the even one of two as near; below 2^-126 it becomes 0. Products are exact in
 * float, and summed up there. Variants without instructions for it compute the same in steps. */
#ifndef LCNN_BFLOAT16_H
#define LCNN_BFLOAT16_H

#include "simd/vectors.h"

typedef uint32_t vu __attribute__((vector_size(4 * LCNN_WIDTH)));
typedef int32_t word __attribute__((may_alias));

INLINE vi vload_words(const float *p) { return *(const vi_unaligned *)p; }
INLINE void vstore_words(float *p, vi v) { *(vi_unaligned *)p = v; }
INLINE vi vset_word(const float *p) { return (vi){0} + *(const word *)p; }

typedef uint16_t vh_unaligned __attribute__((vector_size(2 * LCNN_WIDTH), aligned(2), may_alias));

/* Lane l is the pair of low[l] and high[l], which are bfloat16 already. */
INLINE vi vload_pairs(const uint16_t *low, const uint16_t *high)
{
    const vu first = __builtin_convertvector(*(const vh_unaligned *)low, vu);
    const vu second = __builtin_convertvector(*(const vh_unaligned *)high, vu);
    return (vi)(first | second << 16);
}

#if !LCNN_HAS_BF16

/* The number in the upper half of each lane. */
INLINE vu vround_bf16(vf x)
{
    const vu bits = (vu)x, sign = bits & 0x80000000, nearest = bits + 0x7fff + (bits >> 16 & 1);
    const vu tiny = (vu)((bits & 0x7f800000) == 0), nan = (vu)(x != x);
    return ((nearest & ~(tiny | nan)) | (sign & tiny) | ((bits | 0x400000) & nan)) & 0xffff0000;
}

/* Lane l is the pair of lanes l of `low` and `high`. */
INLINE vi vpair_bf16(vf low, vf high) { return (vi)(vround_bf16(low) >> 16 | vround_bf16(high)); }

/* sum + a.low * b.low + a.high * b.high. */
INLINE vf vdot_bf16(vf sum, vi a, vi b)
{
    sum += (vf)((vu)a << 16) * (vf)((vu)b << 16);
    return sum + (vf)((vu)a & 0xffff0000) * (vf)((vu)b & 0xffff0000);
}

#endif

#endif
