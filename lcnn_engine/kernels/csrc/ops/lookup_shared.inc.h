/* The lookup convolution's second half for filters that share their lookups: lanes are filters, pixels are broadcast.
 *
 * Every value of S is loaded once for LCNN_SHARED_LANES filters, and one number alone: nothing has to be aligned, no
 * column between rows is computed, and any stride costs the same. A tile of pixels of one row stays in registers while
 * the lookups of a group of filters stream by. */

#include "calls.h"
#include "simd/bfloat16.h"
#include "simd/borders.h"
#include "simd/filters.h"
#include "simd/runs.h"
#include "simd/vectors.h"

#define SHARED_VECTORS (LCNN_SHARED_LANES / LCNN_WIDTH)
#if LCNN_REGISTERS >= 32
#define SHARED_PIXELS (26 / SHARED_VECTORS)
#else
#define SHARED_PIXELS (12 / SHARED_VECTORS)
#endif
#define SHARED_SUMS 8 /* at least so many at once, or additions wait for one another */

/* sum + c * x, x being one number for all lanes; of words, two products. */
INLINE vf shared_product(const int bf16, vf sum, const float *c, const float *x)
{
    return bf16 ? vdot_bf16(sum, vload_words(c), vset_word(x)) : sum + vload(c) * vset(x[0]);
}

/* Lookups of one group at `pixels` pixels, `stride` floats apart. Of few pixels, lookups are taken in `parts` by turns,
 * which have sums of their own. `bf16`: S and coefficients are words, of pairs of atoms. IN s: S at the first pixel.
 * OUT sums (pixels, LCNN_SHARED_LANES), those of relu activated. */
INLINE void shared_tile(const int bf16, const int pixels, const int parts, const int64_t stride,
                        const lcnn_lookup_shared *u, int64_t group, const float *s, float *sums)
{
    const int32_t *offsets = u->offsets + u->indptr[group];
    const float *coefficients = u->coefficients + (int64_t)u->indptr[group] * LCNN_SHARED_LANES;
    const float *bias = u->bias + group * LCNN_SHARED_LANES;
    const int64_t lookups = u->indptr[group + 1] - u->indptr[group];
    vf acc[SHARED_SUMS][SHARED_PIXELS][SHARED_VECTORS];
    for (int part = 0; part < parts; part++)
#pragma GCC unroll 32
        for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
            for (int v = 0; v < SHARED_VECTORS; v++) acc[part][p][v] = part ? vset(0.0f) : vload(bias + v * LCNN_WIDTH);
    for (int64_t j = 0; j + parts <= lookups; j += parts, offsets += parts, coefficients += parts * LCNN_SHARED_LANES)
#pragma GCC unroll 8
        for (int part = 0; part < parts; part++) {
            const float *x = s + offsets[part], *c = coefficients + part * LCNN_SHARED_LANES;
#pragma GCC unroll 32
            for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
                for (int v = 0; v < SHARED_VECTORS; v++)
                    acc[part][p][v] = shared_product(bf16, acc[part][p][v], c + v * LCNN_WIDTH, x + p * stride);
        }
    for (int64_t j = lookups % parts; j > 0; j--, offsets++, coefficients += LCNN_SHARED_LANES)
#pragma GCC unroll 32
        for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
            for (int v = 0; v < SHARED_VECTORS; v++)
                acc[0][p][v] =
                    shared_product(bf16, acc[0][p][v], coefficients + v * LCNN_WIDTH, s + offsets[0] + p * stride);
#pragma GCC unroll 32
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int v = 0; v < SHARED_VECTORS; v++) {
            vf sum = acc[0][p][v];
            for (int part = 1; part < parts; part++) sum += acc[part][p][v];
            if (u->activation == LCNN_ACT_relu) sum = vmax(vset(0.0f), sum);
            vstore(sums + p * LCNN_SHARED_LANES + v * LCNN_WIDTH, sum);
        }
}

#define SHARED_PARTS(pixels) ((pixels) * SHARED_VECTORS >= SHARED_SUMS ? 1 : SHARED_SUMS / ((pixels) * SHARED_VECTORS))

/* A tile of `pixels` pixels: shared_tile with its number of pixels. */
typedef void (*shared_compute)(const lcnn_lookup_shared *u, int64_t group, int64_t pixels, const float *s, float *sums);

/* clang-format off */
#define TILE(bf16, n)                                                               \
    case 2 * (n): shared_tile(bf16, n, SHARED_PARTS(n), 1, u, group, s, sums); break; \
    case 2 * (n) + 1: shared_tile(bf16, n, SHARED_PARTS(n), u->stride_w, u, group, s, sums); break;
#define THREE_TILES(bf16, n) TILE(bf16, n) TILE(bf16, n + 1) TILE(bf16, n + 2)
#if SHARED_PIXELS >= 26
#define TILES(bf16)                                                                                            \
    THREE_TILES(bf16, 1) THREE_TILES(bf16, 4) THREE_TILES(bf16, 7) THREE_TILES(bf16, 10) THREE_TILES(bf16, 13) \
    THREE_TILES(bf16, 16) THREE_TILES(bf16, 19) THREE_TILES(bf16, 22) TILE(bf16, 25) TILE(bf16, 26)
#elif SHARED_PIXELS >= 6
#define TILES(bf16) THREE_TILES(bf16, 1) THREE_TILES(bf16, 4)
#else
#define TILES(bf16) THREE_TILES(bf16, 1)
#endif
/* clang-format on */

static void shared_pixels(const lcnn_lookup_shared *u, int64_t group, int64_t pixels, const float *s, float *sums)
{
    switch (pixels * 2 + (u->stride_w != 1)) {
        TILES(0)
    }
}

static void shared_pixels_bf16(const lcnn_lookup_shared *u, int64_t group, int64_t pixels, const float *s, float *sums)
{
    switch (pixels * 2 + (u->stride_w != 1)) {
        TILES(1)
    }
}
#undef TILES
#undef THREE_TILES
#undef TILE

/* Rows [first, last) of a group's filters: sums to scratch as the rows of the result will lie, zeros between them, and
 * before the next unit's rows, for the border, so that they leave as one run. */
INLINE void shared_rows(const shared_compute compute, const lcnn_call *call, const lcnn_context *context, int64_t group,
                        int64_t first, int64_t last)
{
    const lcnn_lookup_shared *u = &call->u.lookup_shared;
    const lcnn_map *out = &call->out;
    const int32_t *order = u->order + group * LCNN_SHARED_LANES;
    const int64_t tiles = (out->width + SHARED_PIXELS - 1) / SHARED_PIXELS;
    for (int64_t y = first; y < last; y++) {
        const float *row = context->arena + u->s + y * u->stride_h * u->s_row;
        float *sums = context->scratch + (y - first) * out->row * LCNN_SHARED_LANES;
        for (int64_t tile = 0; tile < tiles; tile++) {
            const int64_t x = out->width * tile / tiles, pixels = out->width * (tile + 1) / tiles - x;
            compute(u, group, pixels, row + x * u->stride_w, sums + x * LCNN_SHARED_LANES);
        }
        if (u->activation > LCNN_ACT_relu)
            activate_run(sums, sums, out->width * LCNN_SHARED_LANES, u->activation, u->alpha);
        for (int64_t i = out->width * SHARED_VECTORS; y + 1 < out->height && i < out->row * SHARED_VECTORS; i++)
            vstore(sums + i * LCNN_WIDTH, vset(0.0f));
    }
    int64_t filters = 0;
    while (filters < LCNN_SHARED_LANES && order[filters] >= 0) filters++;
    float *planes = context->arena + out->offset + first * out->row;
    const int64_t run = (last - first) * out->row - (last < out->height ? 0 : out->row - out->width);
    for (int64_t v = 0; v < filters; v += LCNN_WIDTH)
        store_filter_run(context->scratch + v, LCNN_SHARED_LANES, run, planes, out->plane, order + v,
                         min_i64(LCNN_WIDTH, filters - v));
}

INLINE void shared_units(const shared_compute compute, const lcnn_call *call, const lcnn_context *context,
                         int64_t begin, int64_t end)
{
    const lcnn_lookup_shared *u = &call->u.lookup_shared;
    const lcnn_map *out = &call->out;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t group = unit % u->groups, first = unit / u->groups * u->rows_per_unit;
        const int32_t *order = u->order + group * LCNN_SHARED_LANES;
        for (int64_t lane = 0; first == 0 && lane < LCNN_SHARED_LANES && order[lane] >= 0; lane++)
            clear_top_and_bottom(out, context->arena, order[lane]);
        shared_rows(compute, call, context, group, first, min_i64(first + u->rows_per_unit, out->height));
    }
}

static void lookup_shared(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    shared_units(shared_pixels, call, context, begin, end);
}

static void lookup_shared_bf16(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    shared_units(shared_pixels_bf16, call, context, begin, end);
}
