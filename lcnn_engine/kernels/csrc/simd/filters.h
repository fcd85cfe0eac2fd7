/* From filters in lanes to planes: what kernels write whose lanes are filters. */
#ifndef LCNN_FILTERS_H
#define LCNN_FILTERS_H

#include "calls.h"
#include "simd/masks.h"
#include "simd/mathematics.h"
#include "simd/runs.h"
#include "simd/shuffles.h"
#include "simd/vectors.h"

/* What all filters of a result have in common. `lanes`: floats from one pixel's sums to the next's. */
typedef struct {
    const lcnn_map *out;
    lcnn_activation activation;
    float alpha;
    int64_t lanes;
} filter_store;

/* Write up to LCNN_WIDTH filters' `count` pixels, consecutive in reading order from (y, x) on, to their planes: filter
 * o to plane order[o], or o where there is no order. */
INLINE void store_filter_rows(const vf *rows, int64_t filters, int64_t count, const lcnn_map *out, int64_t y, int64_t x,
                              float *planes)
{
    if (out->row == out->width || x + count <= out->width) {
        for (int64_t o = 0; o < filters; o++) vstore_part(planes + o * out->plane + y * out->row + x, rows[o], count);
        return;
    }
    for (int64_t p = 0; p < count; y++, x = 0) { /* row by row, each where its own lanes meet the plane */
        const int64_t end = min_i64(count, p + out->width - x);
        const lanes_mask mask = lanes_between(p, end);
        float *target = planes + y * out->row + x - p;
        for (int64_t o = 0; o < filters; o++) vstore_masked(target + o * out->plane, rows[o], mask);
        p = end;
    }
}

/* Activate the sums (pixels, lanes) and write them to their planes, transposing LCNN_WIDTH pixels of as many filters at
 * a time. Blocks end with the row where rows are long enough. `sums` has room for one more block of pixels. */
INLINE void store_filters(const filter_store *s, float *planes, int64_t filters, const float *sums, int64_t first_pixel,
                          int64_t pixels)
{
    const lcnn_map *out = s->out;
    int64_t y = first_pixel / out->width, x = first_pixel % out->width;
    for (int64_t p = 0; p < pixels;) {
        int64_t count = min_i64(LCNN_WIDTH, pixels - p);
        if (out->row != out->width && out->width >= LCNN_WIDTH) count = min_i64(count, out->width - x);
        for (int64_t v = 0; v < filters; v += LCNN_WIDTH) {
            vf rows[LCNN_WIDTH];
#pragma GCC unroll 16
            for (int64_t q = 0; q < LCNN_WIDTH; q++) rows[q] = vload(sums + (p + q) * s->lanes + v);
            vactivate_all(LCNN_WIDTH, rows, s->activation, s->alpha);
            transpose(rows);
            store_filter_rows(rows, min_i64(LCNN_WIDTH, filters - v), count, out, y, x, planes + v * out->plane);
        }
        p += count;
        for (x += count; x >= out->width; x -= out->width) y++;
    }
}

/* Write a run of `count` results of up to LCNN_WIDTH filters, (count, lanes) with room for a vector of pixels more, to
 * where they begin in their planes. */
INLINE void store_filter_run(const float *results, int64_t lanes, int64_t count, float *planes, int64_t plane,
                             const int32_t *order, int64_t filters)
{
    for (int64_t p = 0; p < count; p += LCNN_WIDTH) {
        vf rows[LCNN_WIDTH];
#pragma GCC unroll 16
        for (int64_t q = 0; q < LCNN_WIDTH; q++) rows[q] = vload(results + (p + q) * lanes);
        transpose(rows);
        if (count - p >= LCNN_WIDTH && filters == LCNN_WIDTH) {
#pragma GCC unroll 16
            for (int64_t o = 0; o < LCNN_WIDTH; o++) vstore(planes + order[o] * plane + p, rows[o]);
        } else {
            const int64_t part = min_i64(LCNN_WIDTH, count - p);
            for (int64_t o = 0; o < filters; o++) vstore_part(planes + order[o] * plane + p, rows[o], part);
        }
    }
}

#endif
