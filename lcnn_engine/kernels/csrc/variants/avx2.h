/* AVX2 with fused multiply-add and half-precision conversion: Haswell, Zen, and all that came later. */
#ifndef LCNN_AVX2_H
#define LCNN_AVX2_H

#ifndef LCNN_NAME
#define LCNN_NAME avx2
#endif
#define LCNN_WIDTH 8
#define LCNN_REGISTERS 16
#define LCNN_HAS_RECIPROCAL 1

#include <immintrin.h>

#include "simd/vectors.h"
#include "variants/capabilities.h"

INLINE vf vmax(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE vf vmin(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE vf vmaximum(vf a, vf b)
{
    return (vf)_mm256_or_ps((__m256)vmax(a, b), (__m256)vmax(b, a)); /* the same but for NaN, and its bits win */
}
INLINE vi vround(vf x) { return (vi)_mm256_cvtps_epi32((__m256)x); }
INLINE vf vsqrt(vf x) { return (vf)_mm256_sqrt_ps((__m256)x); }
INLINE vf vreciprocal_estimate(vf x) { return (vf)_mm256_rcp_ps((__m256)x); }

INLINE vf vload_fp16(const uint16_t *p) { return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }

typedef __m256i lanes_mask;
INLINE lanes_mask first_lanes(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE lanes_mask lanes_between(int64_t a, int64_t b) { return _mm256_andnot_si256(first_lanes(a), first_lanes(b)); }
INLINE vf vload_masked(const float *p, lanes_mask mask) { return (vf)_mm256_maskload_ps(p, mask); }
INLINE vf vload_blended(const float *p, lanes_mask mask, vf other)
{
    return (vf)_mm256_blendv_ps((__m256)other, _mm256_maskload_ps(p, mask), (__m256)mask);
}
INLINE void vstore_masked(float *p, vf v, lanes_mask mask) { _mm256_maskstore_ps(p, mask, (__m256)v); }

INLINE vf vgather(const float *p, const int32_t *offsets)
{
    return (vf)_mm256_i32gather_ps(p, _mm256_loadu_si256((const __m256i *)offsets), 4);
}

INLINE vf vload_fours(const float *p, int64_t stride)
{
    return (vf)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + stride), 1);
}

#endif
