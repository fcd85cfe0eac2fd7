/* AVX-512 with products of bfloat16 pairs and int8 quads: Cooper Lake, Sapphire Rapids, Zen 4, and what came later. */
#ifndef LCNN_AVX512BF16_H
#define LCNN_AVX512BF16_H

#ifndef LCNN_NAME
#define LCNN_NAME avx512bf16
#endif
#define LCNN_HAS_BF16 1
#define LCNN_HAS_INT8 1

#include "variants/avx512.h"

#if defined(__clang__) && __clang_major__ == 16
/* In words of our own: over vectors of bfloat16 this compiler recurses until it dies. */
INLINE vi vround_bf16(vf low, vf high)
{
    vi words;
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(words) : "v"(low), "v"(high));
    return words;
}
INLINE vf vdot_bf16(vf sum, vi a, vi b)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}
#else
INLINE vi vround_bf16(vf low, vf high) { return (vi)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low); }
INLINE vf vdot_bf16(vf sum, vi a, vi b) { return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b); }
#endif

INLINE vi vpair_bf16(vf low, vf high)
{
    const vi lanes = (vi){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} * 0x10001 + 0x100000;
    return (vi)_mm512_permutexvar_epi16((__m512i)lanes, (__m512i)vround_bf16(low, high));
}

/* In words of our own: given the intrinsic, GCC 12 keeps sums in memory. */
INLINE vi vdot_int8(vi sum, vi x, vi w)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
}

INLINE void vdot_rows_int8(vi *sums, vi x, const int8_t *const *rows, int64_t at)
{
    const __m512i a = _mm512_loadu_si512(rows[0] + at), b = _mm512_loadu_si512(rows[1] + at);
    const __m512i c = _mm512_loadu_si512(rows[2] + at), d = _mm512_loadu_si512(rows[3] + at);
    const __m512i low = _mm512_unpacklo_epi8(a, b), low2 = _mm512_unpacklo_epi8(c, d);
    const __m512i high = _mm512_unpackhi_epi8(a, b), high2 = _mm512_unpackhi_epi8(c, d);
    sums[0] = vdot_int8(sums[0], x, (vi)_mm512_unpacklo_epi16(low, low2));
    sums[1] = vdot_int8(sums[1], x, (vi)_mm512_unpackhi_epi16(low, low2));
    sums[2] = vdot_int8(sums[2], x, (vi)_mm512_unpacklo_epi16(high, high2));
    sums[3] = vdot_int8(sums[3], x, (vi)_mm512_unpackhi_epi16(high, high2));
}

/* Lane 4 q + i of sums[v] is column 16 q + 4 v + i. */
INLINE void vorder_rows_int8(vi *sums)
{
    const __m512i a = _mm512_shuffle_i32x4((__m512i)sums[0], (__m512i)sums[1], 0x44);
    const __m512i b = _mm512_shuffle_i32x4((__m512i)sums[2], (__m512i)sums[3], 0x44);
    const __m512i c = _mm512_shuffle_i32x4((__m512i)sums[0], (__m512i)sums[1], 0xee);
    const __m512i d = _mm512_shuffle_i32x4((__m512i)sums[2], (__m512i)sums[3], 0xee);
    sums[0] = (vi)_mm512_shuffle_i32x4(a, b, 0x88);
    sums[1] = (vi)_mm512_shuffle_i32x4(a, b, 0xdd);
    sums[2] = (vi)_mm512_shuffle_i32x4(c, d, 0x88);
    sums[3] = (vi)_mm512_shuffle_i32x4(c, d, 0xdd);
}

#endif
