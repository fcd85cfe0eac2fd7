/* One vector type for all variants. LCNN_WIDTH (floats per vector) comes from the variant's file: 16 for AVX-512,
 * 8 for AVX2, 4 for the portable one, which the compiler maps to SSE2 or NEON. GCC and Clang vector extensions give
 * the arithmetic; a * b + c contracts to a fused multiply-add where the target has one. */
#ifndef LCNN_SIMD_H
#define LCNN_SIMD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if LCNN_WIDTH > 4
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LCNN_WIDTH)));
typedef int32_t vi __attribute__((vector_size(4 * LCNN_WIDTH)));
typedef float vf_unaligned __attribute__((vector_size(4 * LCNN_WIDTH), aligned(4), may_alias));
typedef int32_t vi_unaligned __attribute__((vector_size(4 * LCNN_WIDTH), aligned(4), may_alias));

INLINE vf vload(const float *p) { return *(const vf_unaligned *)p; }
INLINE void vstore(float *p, vf v) { *(vf_unaligned *)p = v; }
INLINE vf vset(float x) { return x - (vf){0}; }

/* A vector of half-precision numbers, as float: exact. */
INLINE vf vload_halves(const uint16_t *p)
{
#if LCNN_WIDTH == 16
    return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif LCNN_WIDTH == 8
    return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
#else
    const vi bits = {p[0], p[1], p[2], p[3]};
    const vf magnitude = (vf)((bits & 0x7fff) << 13) * vset(0x1p112f); /* the exponent's bias is 127 instead of 15 */
    return (vf)((vi)magnitude | (bits & 0x8000) << 16);
#endif
}

/* Some lanes of unaligned memory: the rest is not touched, and loads as `other`, in vload_part as 0. Lane l of vgather
 * is p[offsets[l]]. */
#if LCNN_WIDTH == 16
typedef __mmask16 lanes_mask;
INLINE lanes_mask first_lanes(int64_t n) { return (lanes_mask)((1u << n) - 1); }
INLINE lanes_mask lanes_between(int64_t a, int64_t b) { return (lanes_mask)(first_lanes(b) & ~first_lanes(a)); }
INLINE vf vload_masked(const float *p, lanes_mask mask, vf other)
{
    return (vf)_mm512_mask_loadu_ps((__m512)other, mask, p);
}
INLINE void vstore_masked(float *p, vf v, lanes_mask mask) { _mm512_mask_storeu_ps(p, mask, (__m512)v); }
INLINE vf vload_part(const float *p, int64_t n) { return (vf)_mm512_maskz_loadu_ps(first_lanes(n), p); }
INLINE void vstore_part(float *p, vf v, int64_t n) { vstore_masked(p, v, first_lanes(n)); }
INLINE vf vmax(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE vf vmin(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE vf reciprocal_guess(vf x) { return (vf)_mm512_rcp14_ps((__m512)x); }
INLINE vf vgather(const float *p, const int32_t *offsets)
{
    return (vf)_mm512_i32gather_ps(_mm512_loadu_si512(offsets), p, 4);
}
#elif LCNN_WIDTH == 8
typedef __m256i lanes_mask;
INLINE lanes_mask first_lanes(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE lanes_mask lanes_between(int64_t a, int64_t b) { return _mm256_andnot_si256(first_lanes(a), first_lanes(b)); }
INLINE vf vload_masked(const float *p, lanes_mask mask, vf other)
{
    return (vf)_mm256_blendv_ps((__m256)other, _mm256_maskload_ps(p, mask), (__m256)mask);
}
INLINE void vstore_masked(float *p, vf v, lanes_mask mask) { _mm256_maskstore_ps(p, mask, (__m256)v); }
INLINE vf vload_part(const float *p, int64_t n) { return (vf)_mm256_maskload_ps(p, first_lanes(n)); }
INLINE void vstore_part(float *p, vf v, int64_t n) { vstore_masked(p, v, first_lanes(n)); }
INLINE vf vmax(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE vf vmin(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE vf reciprocal_guess(vf x) { return (vf)_mm256_rcp_ps((__m256)x); }
INLINE vf vgather(const float *p, const int32_t *offsets)
{
    return (vf)_mm256_i32gather_ps(p, _mm256_loadu_si256((const __m256i *)offsets), 4);
}
#else
typedef struct {
    int64_t begin, end;
} lanes_mask;
INLINE lanes_mask first_lanes(int64_t n) { return (lanes_mask){0, n}; }
INLINE lanes_mask lanes_between(int64_t a, int64_t b) { return (lanes_mask){a, b}; }
INLINE vf vload_masked(const float *p, lanes_mask mask, vf other)
{
    for (int64_t i = mask.begin; i < mask.end; i++) other[i] = p[i];
    return other;
}
INLINE void vstore_masked(float *p, vf v, lanes_mask mask)
{
    for (int64_t i = mask.begin; i < mask.end; i++) p[i] = v[i];
}
INLINE vf vload_part(const float *p, int64_t n) { return vload_masked(p, first_lanes(n), (vf){0}); }
INLINE void vstore_part(float *p, vf v, int64_t n) { vstore_masked(p, v, first_lanes(n)); }
INLINE vf vselect(vi mask, vf a, vf b) { return (vf)(((vi)a & mask) | ((vi)b & ~mask)); }
INLINE vf vmax(vf a, vf b) { return vselect(a > b, a, b); }
INLINE vf vmin(vf a, vf b) { return vselect(a < b, a, b); }
INLINE vf vgather(const float *p, const int32_t *offsets)
{
    return (vf){p[offsets[0]], p[offsets[1]], p[offsets[2]], p[offsets[3]]};
}
#endif

/* 1 / x. Where the processor guesses (to 11 bits or more), one Newton step gives 22 and takes a quarter of the time of
 * a division. */
INLINE vf vreciprocal(vf x)
{
#if LCNN_WIDTH > 4
    const vf guess = reciprocal_guess(x);
    return guess * (vset(2.0f) - x * guess);
#else
    return vset(1.0f) / x;
#endif
}

/* shuffle(a, b, INDEX): lane l is lane INDEX(l) of a and b side by side. INDEX is a macro of a constant. */
#if LCNN_WIDTH == 16
#define shuffle(a, b, X) \
    __builtin_shufflevector(a, b, X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7), X(8), X(9), X(10), X(11), X(12), \
                            X(13), X(14), X(15))
#elif LCNN_WIDTH == 8
#define shuffle(a, b, X) __builtin_shufflevector(a, b, X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7))
#else
#define shuffle(a, b, X) __builtin_shufflevector(a, b, X(0), X(1), X(2), X(3))
#endif

#define EVEN(l) (2 * (l))
#define ODD(l) (2 * (l) + 1)
#define NEXT(l) ((l) + 1)
#define AFTER_NEXT(l) ((l) + 2)
INLINE vf even_lanes(vf a, vf b) { return shuffle(a, b, EVEN); }
INLINE vf odd_lanes(vf a, vf b) { return shuffle(a, b, ODD); }
INLINE vf next_lanes(vf a, vf b) { return shuffle(a, b, NEXT); } /* lanes 1, 2, ... of a, then lane 0 of b */

INLINE vf after_next_lanes(vf a, vf b) { return shuffle(a, b, AFTER_NEXT); }

#if LCNN_WIDTH == 16
INLINE vi lanes_from(int32_t first) /* lane l is first + l */
{
    return (vi){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + first;
}
/* Lane l is lane index[l] of a and b side by side. */
INLINE vf pick_lanes(vf a, vf b, vi index) { return (vf)_mm512_permutex2var_ps((__m512)a, (__m512i)index, (__m512)b); }
/* The lanes of v that are not 0, and the same lanes of `index`, side by side; how many they are. */
INLINE int32_t vstore_nonzeros(vf v, vi index, float *values, int32_t *indices)
{
    const __mmask16 mask = _mm512_cmp_ps_mask((__m512)v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    _mm512_storeu_ps(values, _mm512_maskz_compress_ps(mask, (__m512)v));
    _mm512_storeu_si512(indices, _mm512_maskz_compress_epi32(mask, (__m512i)index));
    return __builtin_popcount(mask);
}
#endif

/* Halve the lanes in play by folding them over, until one is left. */
#define FOLD(l, d) (((l) + (d)) % LCNN_WIDTH)
#define FOLD1(l) FOLD(l, 1)
#define FOLD2(l) FOLD(l, 2)
#define FOLD4(l) FOLD(l, 4)
#define FOLD8(l) FOLD(l, 8)
INLINE float sum_of_lanes(vf v)
{
#if LCNN_WIDTH >= 16
    v += shuffle(v, v, FOLD8);
#endif
#if LCNN_WIDTH >= 8
    v += shuffle(v, v, FOLD4);
#endif
    v += shuffle(v, v, FOLD2);
    v += shuffle(v, v, FOLD1);
    return v[0];
}

INLINE float largest_lane(vf v)
{
#if LCNN_WIDTH >= 16
    v = vmax(v, shuffle(v, v, FOLD8));
#endif
#if LCNN_WIDTH >= 8
    v = vmax(v, shuffle(v, v, FOLD4));
#endif
    v = vmax(v, shuffle(v, v, FOLD2));
    v = vmax(v, shuffle(v, v, FOLD1));
    return v[0];
}

/* Transpose LCNN_WIDTH vectors: at distance d = 1, 2, 4, ... swap the blocks of d x d values off the diagonal. */
#define UPPER(l, d) ((l) & (d) ? LCNN_WIDTH + (l) - (d) : (l))
#define LOWER(l, d) ((l) & (d) ? LCNN_WIDTH + (l) : (l) + (d))
#define SWAP_BLOCKS(d, UP, LOW)                                  \
    _Pragma("GCC unroll 16") for (int i = 0; i < LCNN_WIDTH; i++) \
        if (!(i & (d))) {                                        \
            const vf a = rows[i], b = rows[i + (d)];             \
            rows[i] = shuffle(a, b, UP);                         \
            rows[i + (d)] = shuffle(a, b, LOW);                  \
        }
#define UPPER1(l) UPPER(l, 1)
#define LOWER1(l) LOWER(l, 1)
#define UPPER2(l) UPPER(l, 2)
#define LOWER2(l) LOWER(l, 2)
#define UPPER4(l) UPPER(l, 4)
#define LOWER4(l) LOWER(l, 4)
#define UPPER8(l) UPPER(l, 8)
#define LOWER8(l) LOWER(l, 8)
INLINE void transpose(vf *rows)
{
    SWAP_BLOCKS(1, UPPER1, LOWER1)
    SWAP_BLOCKS(2, UPPER2, LOWER2)
#if LCNN_WIDTH >= 8
    SWAP_BLOCKS(4, UPPER4, LOWER4)
#endif
#if LCNN_WIDTH >= 16
    SWAP_BLOCKS(8, UPPER8, LOWER8)
#endif
}

/* Lanes 4q to 4q + 3 of the result are the four floats from p + q * stride on. */
INLINE vf vload_fours(const float *p, int64_t stride)
{
#if LCNN_WIDTH == 16
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(p));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + stride), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 2 * stride), 2);
    return (vf)_mm512_insertf32x4(v, _mm_loadu_ps(p + 3 * stride), 3);
#elif LCNN_WIDTH == 8
    return (vf)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + stride), 1);
#else
    (void)stride;
    return vload(p);
#endif
}

/* Of every four lanes, lane i of rows[j] and lane j of rows[i] change places. */
#define LOW_ONES(l) ((l) / 4 * 4 + (l) % 4 / 2 + (l) % 2 * LCNN_WIDTH)
#define HIGH_ONES(l) (LOW_ONES(l) + 2)
#define LOW_TWOS(l) ((l) / 4 * 4 + (l) % 2 + (l) % 4 / 2 * LCNN_WIDTH)
#define HIGH_TWOS(l) (LOW_TWOS(l) + 2)
INLINE void transpose_fours(vf *rows)
{
    const vf a = shuffle(rows[0], rows[1], LOW_ONES), b = shuffle(rows[2], rows[3], LOW_ONES);
    const vf c = shuffle(rows[0], rows[1], HIGH_ONES), d = shuffle(rows[2], rows[3], HIGH_ONES);
    rows[0] = shuffle(a, b, LOW_TWOS);
    rows[1] = shuffle(a, b, HIGH_TWOS);
    rows[2] = shuffle(c, d, LOW_TWOS);
    rows[3] = shuffle(c, d, HIGH_TWOS);
}

/* e^r - 1 for |r| <= ln 2 / 2: r and r^2 times a polynomial, fitted to the least largest error, 3e-9 of e^r. */
INLINE vf exp_part(vf r)
{
    vf p = vset(1.3814599933e-3f);
    p = p * r + vset(8.3687170842e-3f);
    p = p * r + vset(4.1668388003e-2f);
    p = p * r + vset(1.6666520630e-1f);
    p = p * r + vset(4.9999993448e-1f);
    return p * (r * r) + r;
}

#define LOG2_E 1.44269504f
#define SHIFTER 12582912.0f /* 1.5 * 2^23: adding it rounds to the nearest integer, and leaves that in the low bits */

INLINE vf times_power_of_two(vf x, vf shifted) { return (vf)((vi)x + ((vi)shifted << 23)); }

/* e^x to about 2 units in the last place. x is held within (-87.3, 88.0), where the result is a normal number. */
INLINE vf vexp(vf x)
{
    x = vmax(vmin(x, vset(88.0f)), vset(-87.3f));
    const vf shifted = x * vset(LOG2_E) + vset(SHIFTER), n = shifted - vset(SHIFTER);
    const vf r = x - n * vset(0.693145752f) - n * vset(1.42860677e-6f); /* ln 2 in two parts */
    return times_power_of_two(exp_part(r) + vset(1.0f), shifted);
}

INLINE vf vsigmoid(vf x) { return vreciprocal(vset(1.0f) + vexp(-x)); }

/* tanh |x| = e / (e + 2) with e = e^2|x| - 1 = 2^n (e^r - 1) + (2^n - 1), which keeps its digits near 0, where n is 0;
 * then the sign. Beyond 9.1 the result is 1 in float32. n is at most 26: ln 2 needs no second part. */
INLINE vf vtanh(vf x)
{
    const vi sign = (vi)x & (vi)vset(-0.0f);
    const vf held = vmin((vf)((vi)x ^ sign), vset(9.1f));
    const vf shifted = held * vset(2 * LOG2_E) + vset(SHIFTER), n = shifted - vset(SHIFTER);
    const vf part = exp_part(held + held - n * vset(0.693147182f));
    const vf power = times_power_of_two(vset(1.0f), shifted);
    const vf e = part * power + (power - vset(1.0f));
    return (vf)((vi)(e * vreciprocal(e + vset(2.0f))) | sign);
}

#define ACTIVATE(name, formula) \
    case LCNN_ACT_##name: return formula;
INLINE vf vactivate(vf x, lcnn_activation kind, float alpha)
{
    const vf zero = vset(0.0f);
    switch (kind) {
        LCNN_ACTIVATIONS(ACTIVATE)
    case LCNN_ACTIVATION_COUNT: break;
    }
    return x;
}

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

INLINE void copy_run(float *restrict to, const float *restrict from, int64_t length)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) vstore(to + i, vload(from + i));
    if (i < length) vstore_part(to + i, vload_part(from + i, length - i), length - i);
}

INLINE void zero_run(float *p, int64_t length)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) vstore(p + i, vset(0.0f));
    if (i < length) vstore_part(p + i, vset(0.0f), length - i);
}

/* out[i] = activation(in[i]); in and out may be the same. */
INLINE void activate_run(float *out, const float *in, int64_t length, lcnn_activation kind, float alpha)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) vstore(out + i, vactivate(vload(in + i), kind, alpha));
    if (i < length) vstore_part(out + i, vactivate(vload_part(in + i, length - i), kind, alpha), length - i);
}

/* Write zeros into the border of one plane: before its first value and behind its last one. */
INLINE void clear_top_and_bottom(const lcnn_map *map, float *arena, int64_t channel)
{
    float *first = arena + map->offset + channel * map->plane;
    if (map->top + map->left) zero_run(first - map->top * map->row - map->left, map->top * map->row + map->left);
    zero_run(first + (map->height - 1) * map->row + map->width, map->right + map->bottom * map->row);
}

/* The whole border. */
static void clear_border(const lcnn_map *map, float *arena, int64_t channel)
{
    if (map->top + map->bottom + map->left + map->right == 0) return;
    float *first = arena + map->offset + channel * map->plane;
    const int64_t gap = map->row - map->width; /* right border of a row and left border of the next */
    for (int64_t y = 0; gap && y + 1 < map->height; y++) zero_run(first + y * map->row + map->width, gap);
    clear_top_and_bottom(map, arena, channel);
}

#endif
