/* AVX-512 as Skylake-X has it, and all that came later (F, DQ, VL, BW). */
#ifndef LCNN_AVX512_H
#define LCNN_AVX512_H

#ifndef LCNN_NAME
#define LCNN_NAME avx512
#endif
#define LCNN_WIDTH 16
#define LCNN_REGISTERS 32
#define LCNN_HAS_MASKS 1
#define LCNN_HAS_COMPRESS 1
#define LCNN_HAS_RECIPROCAL 1
#define LCNN_LOOKUPS_BY_ALIGNMENT 1

#include <immintrin.h>

#include "simd/vectors.h"
#include "variants/capabilities.h"

INLINE vf vmax(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE vf vmin(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE vf vmaximum(vf a, vf b)
{
    const __m512 first = (__m512)a;
    return (vf)_mm512_mask_max_ps(first, _mm512_cmp_ps_mask(first, first, _CMP_ORD_Q), first, (__m512)b);
}
INLINE vi vround(vf x) { return (vi)_mm512_cvtps_epi32((__m512)x); }
INLINE vf vsqrt(vf x) { return (vf)_mm512_sqrt_ps((__m512)x); }
INLINE vf vreciprocal_estimate(vf x) { return (vf)_mm512_rcp14_ps((__m512)x); }

INLINE vf vload_fp16(const uint16_t *p) { return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }

typedef __mmask16 lanes_mask;
INLINE lanes_mask first_lanes(int64_t n) { return (lanes_mask)((1u << n) - 1); }
INLINE lanes_mask lanes_between(int64_t a, int64_t b) { return (lanes_mask)(first_lanes(b) & ~first_lanes(a)); }
INLINE vf vload_masked(const float *p, lanes_mask mask) { return (vf)_mm512_maskz_loadu_ps(mask, p); }
INLINE vf vload_blended(const float *p, lanes_mask mask, vf other)
{
    return (vf)_mm512_mask_loadu_ps((__m512)other, mask, p);
}
INLINE void vstore_masked(float *p, vf v, lanes_mask mask) { _mm512_mask_storeu_ps(p, mask, (__m512)v); }

INLINE vf vgather(const float *p, const int32_t *offsets)
{
    return (vf)_mm512_i32gather_ps(_mm512_loadu_si512(offsets), p, 4);
}

INLINE vf vload_fours(const float *p, int64_t stride)
{
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(p));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + stride), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 2 * stride), 2);
    return (vf)_mm512_insertf32x4(v, _mm_loadu_ps(p + 3 * stride), 3);
}

INLINE vi lanes_from(int32_t first) { return (vi){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + first; }
INLINE vf vpermute(vf a, vf b, vi index) { return (vf)_mm512_permutex2var_ps((__m512)a, (__m512i)index, (__m512)b); }
INLINE int32_t vstore_nonzeros(vf v, vi index, float *values, int32_t *indices)
{
    const __mmask16 mask = _mm512_cmp_ps_mask((__m512)v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    _mm512_storeu_ps(values, _mm512_maskz_compress_ps(mask, (__m512)v));
    _mm512_storeu_si512(indices, _mm512_maskz_compress_epi32(mask, (__m512i)index));
    return __builtin_popcount(mask);
}

#endif
