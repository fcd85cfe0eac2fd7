/* One vector type for all variants. LCNN_WIDTH (floats per vector) comes from the variant's file: 16 for AVX-512,
 * 8 for AVX2, 4 for the portable one, which the compiler maps to SSE2 or NEON. GCC and Clang vector extensions give
 * the arithmetic; a * b + c contracts to a fused multiply-add where the target has one. */
#ifndef LCNN_SIMD_H
#define LCNN_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#if LCNN_WIDTH > 4
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LCNN_WIDTH)));
typedef int32_t vi __attribute__((vector_size(4 * LCNN_WIDTH)));
typedef float vf_unaligned __attribute__((vector_size(4 * LCNN_WIDTH), aligned(4), may_alias));

INLINE vf vload(const float *p) { return *(const vf_unaligned *)p; }
INLINE void vstore(float *p, vf v) { *(vf_unaligned *)p = v; }
INLINE vf vset(float x) { return x - (vf){0}; }

#if LCNN_WIDTH == 16
INLINE vf vmax(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE vf vmin(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
#elif LCNN_WIDTH == 8
INLINE vf vmax(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE vf vmin(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
#else
INLINE vf vselect(vi mask, vf a, vf b) { return (vf)(((vi)a & mask) | ((vi)b & ~mask)); }
INLINE vf vmax(vf a, vf b) { return vselect(a > b, a, b); }
INLINE vf vmin(vf a, vf b) { return vselect(a < b, a, b); }
#endif

/* e^x to about 2 units in the last place. x is held within (-87.3, 88.0), where the result is a normal number. */
INLINE vf vexp(vf x)
{
    x = vmax(vmin(x, vset(88.0f)), vset(-87.3f));
    const vf shifter = vset(12582912.0f); /* 1.5 * 2^23: adding it rounds to the nearest integer */
    vf n = (x * vset(1.44269504f) + shifter) - shifter;
    vf r = x - n * vset(0.693145752f);   /* ln 2 in two parts */
    r = r - n * vset(1.42860677e-6f);
    vf p = vset(1.9875691500e-4f);       /* minimax polynomial of (e^r - 1 - r) / r^2, Cephes expf */
    p = p * r + vset(1.3981999507e-3f);
    p = p * r + vset(8.3334519073e-3f);
    p = p * r + vset(4.1665795894e-2f);
    p = p * r + vset(1.6666665459e-1f);
    p = p * r + vset(5.0000001201e-1f);
    p = p * (r * r) + r + vset(1.0f);
    vi exponent = (__builtin_convertvector(n, vi) + 127) << 23;
    return p * (vf)exponent;
}

INLINE vf vsigmoid(vf x) { return vset(1.0f) / (vset(1.0f) + vexp(-x)); }

/* tanh x = x + x^3 q(x^2) near 0, where 1 - 2 / (e^2x + 1) would cancel; Cephes tanhf. */
INLINE vf vtanh(vf x)
{
    vf far = vset(1.0f) - vset(2.0f) / (vexp(x + x) + vset(1.0f));
    vf z = x * x;
    vf q = vset(-5.70498872745e-3f);
    q = q * z + vset(2.06390887954e-2f);
    q = q * z + vset(-5.37397155531e-2f);
    q = q * z + vset(1.33314422036e-1f);
    q = q * z + vset(-3.33332819422e-1f);
    vf near = q * z * x + x;
    vi small = z < vset(0.390625f); /* |x| < 0.625 */
    return (vf)(((vi)near & small) | ((vi)far & ~small));
}

INLINE vf vactivate(vf x, lcnn_activation kind, float alpha)
{
    const vf zero = vset(0.0f);
    switch (kind) {
    case LCNN_LINEAR: return x;
    case LCNN_RELU: return vmax(x, zero);
    case LCNN_RELU6: return vmin(vmax(x, zero), vset(6.0f));
    case LCNN_LEAKY_RELU: return vmax(x, zero) + vmin(x, zero) * vset(alpha);
    case LCNN_SIGMOID: return vsigmoid(x);
    case LCNN_TANH: return vtanh(x);
    case LCNN_SILU: return x * vsigmoid(x);
    case LCNN_HARD_SIGMOID: return vmin(vmax(x + vset(3.0f), zero), vset(6.0f)) * vset(1.0f / 6.0f);
    case LCNN_HARD_SILU: return x * (vmin(vmax(x + vset(3.0f), zero), vset(6.0f)) * vset(1.0f / 6.0f));
    }
    return x;
}

/* out[i] = activation(in[i]); in and out may be the same. The last, partial vector goes through a copy. */
INLINE void activate_run(float *out, const float *in, int64_t length, lcnn_activation kind, float alpha)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) vstore(out + i, vactivate(vload(in + i), kind, alpha));
    if (i < length) {
        float part[LCNN_WIDTH] = {0};
        memcpy(part, in + i, sizeof(float) * (size_t)(length - i));
        vstore(part, vactivate(vload(part), kind, alpha));
        memcpy(out + i, part, sizeof(float) * (size_t)(length - i));
    }
}

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
INLINE void zero_run(float *p, int64_t length) { memset(p, 0, sizeof(float) * (size_t)length); }
INLINE void copy_run(float *to, const float *from, int64_t length)
{
    memcpy(to, from, sizeof(float) * (size_t)length);
}

/* Write zeros into the border of one plane. */
static void clear_border(const lcnn_map *map, float *arena, int64_t channel)
{
    if (map->top + map->bottom + map->left + map->right + map->tail == 0) return;
    float *first = arena + map->offset + channel * map->plane;
    zero_run(first - map->top * map->row - map->left, map->top * map->row + map->left);
    const int64_t gap = map->row - map->width; /* right border of a row and left border of the next */
    for (int64_t y = 0; y + 1 < map->height; y++) zero_run(first + y * map->row + map->width, gap);
    zero_run(first + (map->height - 1) * map->row + map->width, map->right + map->bottom * map->row + map->tail);
}

#endif
