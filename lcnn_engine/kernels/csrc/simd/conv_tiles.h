/* The tiles of dense convolutions whose lanes are filters: sums of a few pixels of a block of filters in registers. */
#ifndef LCNN_CONV_TILES_H
#define LCNN_CONV_TILES_H

#include "calls.h"
#include "simd/bfloat16.h"
#include "simd/int8.h"
#include "simd/runs.h"
#include "simd/vectors.h"

#if LCNN_REGISTERS >= 32
#define CONV_PIXELS 6 /* 4 x 6 sums, 4 weights and a broadcast in 32 registers */
#define CONV_LANES 4
#else
#define CONV_PIXELS 6 /* 2 x 6 sums, 2 weights and a broadcast in 16 registers */
#define CONV_LANES 2
#endif

/* sums[p][v] += over taps t of weights[t, v] * pixel[p][offsets[t]]: one table instead of loops over channels, rows and
 * columns, whose ends would cost up to a fifth.
 * IN weights, pixel. IN/OUT sums (pixels, lanes * LCNN_WIDTH), which start as the bias where bias is given. Products
 * are summed up SUM_TAPS at a time. `bf16`: of words, by pairs. */
INLINE void conv_block(const int bf16, const int lanes, const int pixels, const int32_t *offsets, int64_t taps,
                       const float *weights, const float *const *pixel, const float *bias, float *sums)
{
    for (; taps > 0; taps -= SUM_TAPS, offsets += SUM_TAPS, bias = 0) {
        vf acc[CONV_PIXELS][CONV_LANES];
#pragma GCC unroll 8
        for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
            for (int v = 0; v < lanes; v++) acc[p][v] = bias ? vload(bias + v * LCNN_WIDTH) : vset(0.0f);
        const int64_t count = min_i64(taps, SUM_TAPS);
        for (int64_t t = 0; t < count; t++, weights += lanes * LCNN_WIDTH) {
            const int64_t at = offsets[t];
            vf w[CONV_LANES];
#pragma GCC unroll 4
            for (int v = 0; v < lanes; v++) w[v] = vload(weights + v * LCNN_WIDTH);
#pragma GCC unroll 8
            for (int p = 0; p < pixels; p++) {
                if (bf16) {
                    const vi x = vset_word(pixel[p] + at);
#pragma GCC unroll 4
                    for (int v = 0; v < lanes; v++) acc[p][v] = vdot_bf16(acc[p][v], (vi)w[v], x);
                } else {
                    const vf x = vset(pixel[p][at]);
#pragma GCC unroll 4
                    for (int v = 0; v < lanes; v++) acc[p][v] += w[v] * x;
                }
            }
        }
#pragma GCC unroll 8
        for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
            for (int v = 0; v < lanes; v++) {
                float *sum = sums + (p * lanes + v) * LCNN_WIDTH;
                vstore(sum, bias ? acc[p][v] : vload(sum) + acc[p][v]);
            }
    }
}

/* The same of words, by quads: sums are int32, and start as 0 where bias is given. A loop of its own, with registers of
 * integers alone: where types change GCC keeps sums in memory. */
INLINE void conv_block_int8(const int lanes, const int pixels, const int32_t *offsets, int64_t taps,
                            const float *weights, const float *const *pixel, const float *bias, float *sums)
{
    vi acc[CONV_PIXELS][CONV_LANES];
#pragma GCC unroll 8
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int v = 0; v < lanes; v++) acc[p][v] = bias ? (vi){0} : vload_words(sums + (p * lanes + v) * LCNN_WIDTH);
    for (int64_t t = 0; t < taps; t++, weights += lanes * LCNN_WIDTH) {
        const int64_t at = offsets[t];
        vi w[CONV_LANES];
#pragma GCC unroll 4
        for (int v = 0; v < lanes; v++) w[v] = vload_words(weights + v * LCNN_WIDTH);
#pragma GCC unroll 8
        for (int p = 0; p < pixels; p++) {
            const vi x = vset_word(pixel[p] + at);
#pragma GCC unroll 4
            for (int v = 0; v < lanes; v++) acc[p][v] = vdot_int8(acc[p][v], x, w[v]);
        }
    }
#pragma GCC unroll 8
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int v = 0; v < lanes; v++) vstore_words(sums + (p * lanes + v) * LCNN_WIDTH, acc[p][v]);
}

typedef enum { FLOATS, PAIRS, QUADS } conv_kind;

INLINE void conv_block_of(const conv_kind of, const int lanes, const int pixels, const int32_t *offsets, int64_t taps,
                          const float *weights, const float *const *pixel, const float *bias, float *sums)
{
    if (of == QUADS) conv_block_int8(lanes, pixels, offsets, taps, weights, pixel, bias, sums);
    else conv_block(of == PAIRS, lanes, pixels, offsets, taps, weights, pixel, bias, sums);
}

/* A tile of `pixels` pixels of a block of filters: conv_block with its numbers of lanes and pixels. */
typedef void (*conv_tile)(const lcnn_conv *u, int64_t taps, const float *weights, const float *const *pixel,
                          int64_t pixels, const float *bias, float *sums);

#define CASE(of, l, p) \
    case l * 8 + p: conv_block_of(of, l, p, u->offsets, taps, weights, pixel, bias, sums); break;
#define LANES(of, l) CASE(of, l, 1) CASE(of, l, 2) CASE(of, l, 3) CASE(of, l, 4) CASE(of, l, 5) CASE(of, l, 6)
#if CONV_LANES == 4
#define ALL_LANES(of) LANES(of, 1) LANES(of, 2) LANES(of, 3) LANES(of, 4)
#else
#define ALL_LANES(of) LANES(of, 1) LANES(of, 2)
#endif

static void conv_pixels(const lcnn_conv *u, int64_t taps, const float *weights, const float *const *pixel,
                        int64_t pixels, const float *bias, float *sums)
{
    switch (u->lanes / LCNN_WIDTH * 8 + pixels) {
        ALL_LANES(FLOATS)
    }
}

static void conv_pixels_bf16(const lcnn_conv *u, int64_t taps, const float *weights, const float *const *pixel,
                             int64_t pixels, const float *bias, float *sums)
{
    switch (u->lanes / LCNN_WIDTH * 8 + pixels) {
        ALL_LANES(PAIRS)
    }
}

static void conv_pixels_int8(const lcnn_conv *u, int64_t taps, const float *weights, const float *const *pixel,
                             int64_t pixels, const float *bias, float *sums)
{
    switch (u->lanes / LCNN_WIDTH * 8 + pixels) {
        ALL_LANES(QUADS)
    }
}
#undef ALL_LANES
#undef LANES
#undef CASE

#endif
