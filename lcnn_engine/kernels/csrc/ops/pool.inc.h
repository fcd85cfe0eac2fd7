/* Pools over windows.
 *
 * Strides 1 and 2 are combined in registers, one vector of output columns at a time, down all rows of a band: the masks
 * that cut off the padding are then made once. Other strides go through `column`, which holds one row of the image's
 * columns combined down the rows, with the identity of the combination where the padding is. */

#include <math.h>

#include "calls.h"
#include "simd/borders.h"
#include "simd/masks.h"
#include "simd/shuffles.h"
#include "simd/vectors.h"

#define POOL_BAND 32     /* output rows of a band of several vectors */
#define POOL_SUMMANDS 64 /* rows or columns of a window that are summed up one by one */

INLINE vf pooled(const int mean, vf a, vf b) { return mean ? a + b : vmaximum(a, b); }
INLINE float max_1(float a, float b) { return a >= b || a != a ? a : b; }
INLINE vf pool_identity(const int mean) { return vset(mean ? 0.0f : -INFINITY); }

/* A band: of `channels` channels, `count` output rows from `out` on, each of `rows` rows of the image, from `in` on. */
typedef struct {
    const float *in;
    float *out;
    int64_t channels, count, rows;
    float row_share; /* 1 / rows, for a mean */
} pool_band;

/* What all bands of a call share. share[x] = 1 / number of the window's columns that lie in the image. */
typedef struct {
    const lcnn_pool *u;
    const lcnn_map *in, *out;
    float *column, *share;
} pool_state;

/* Lanes of a vector of the image's columns from `column` on that lie in the image. */
INLINE lanes_mask pool_mask(const pool_state *s, int64_t column)
{
    const int64_t begin = min_i64(max_i64(-column, 0), LCNN_WIDTH), end = s->in->width - column;
    return lanes_between(begin, min_i64(max_i64(end, begin), LCNN_WIDTH));
}

INLINE vf pool_load(const int mean, const int masked, const float *in, lanes_mask mask)
{
    return masked ? vload_blended(in, mask, pool_identity(mean)) : vload(in);
}

/* The sum of a long window's rows, by halves: one by one, each would cost the sum of all before it a rounding. */
static vf pool_sum(const float *in, int64_t row, int64_t rows, lanes_mask mask)
{
    if (rows > POOL_SUMMANDS)
        return pool_sum(in, row, rows / 2, mask) + pool_sum(in + rows / 2 * row, row, rows - rows / 2, mask);
    vf sum = pool_load(1, 1, in, mask);
    for (int64_t y = 1; y < rows; y++) sum += pool_load(1, 1, in + y * row, mask);
    return sum;
}

static float pool_sum_1(const float *column, int64_t columns)
{
    if (columns > POOL_SUMMANDS)
        return pool_sum_1(column, columns / 2) + pool_sum_1(column + columns / 2, columns - columns / 2);
    float sum = column[0];
    for (int64_t c = 1; c < columns; c++) sum += column[c];
    return sum;
}

/* One vector of the image's columns, `rows` rows combined. Where windows of three rows follow at distance two, the last
 * row of one is the first of the next, and `*last` carries it. */
INLINE vf pool_down(const int mean, const int masked, const float *in, int64_t row, int64_t rows, int carried, vf *last,
                    lanes_mask mask)
{
    if (carried) {
        const vf sum = pooled(mean, *last, pool_load(mean, masked, in + row, mask));
        *last = pool_load(mean, masked, in + 2 * row, mask);
        return pooled(mean, sum, *last);
    }
    if (mean && rows > POOL_SUMMANDS) return pool_sum(in, row, rows, mask);
    vf sum = pool_load(mean, masked, in, mask);
    for (int64_t y = 1; y < rows; y++) sum = pooled(mean, sum, pool_load(mean, masked, in + y * row, mask));
    return sum;
}

/* One vector of windows. */
INLINE void pool_store(const int mean, float *out, vf sum, lanes_mask lanes, vf share)
{
    vstore_masked(out, mean ? sum * share : sum, lanes);
}

/* Stride 2, `taps` 2 or 3: the even columns of two vectors, the odd ones, and the even ones moved on by one. */
INLINE void pool_by_2(const int mean, const int masked, const int taps, const int64_t rows, const pool_state *s,
                      const pool_band *band, int64_t x, int64_t lanes)
{
    const int64_t column = 2 * x - s->u->left, row = s->in->row;
    const lanes_mask stored = first_lanes(lanes), m0 = pool_mask(s, column), m1 = pool_mask(s, column + LCNN_WIDTH),
                     m2 = pool_mask(s, column + 2 * LCNN_WIDTH);
    const int two = 2 * (lanes - 1) + taps > LCNN_WIDTH, three = taps == 3 && lanes == LCNN_WIDTH;
    const int carried = rows == 3 && s->u->stride_h == 2;
    const vf share = mean ? vload_part(s->share + x, lanes) * vset(band->row_share) : vset(1.0f);
    const int64_t count = band->count, down = s->u->stride_h * row, out_row = s->out->row; /* loops read no struct */
    const int64_t plane = s->in->plane, out_plane = s->out->plane, channels = band->channels;
    for (int64_t channel = 0; channel < channels; channel++) {
        const float *in = band->in + channel * plane + column;
        float *out = band->out + channel * out_plane + x;
        vf last_a = pool_load(mean, masked, in, m0), last_b = last_a, last_c = last_a;
        if (two) last_b = pool_load(mean, masked, in + LCNN_WIDTH, m1);
        if (three) last_c = pool_load(mean, masked, in + 2 * LCNN_WIDTH, m2);
        for (int64_t y = 0; y < count; y++, in += down, out += out_row) {
            const vf a = pool_down(mean, masked, in, row, rows, carried, &last_a, m0);
            const vf b = two ? pool_down(mean, masked, in + LCNN_WIDTH, row, rows, carried, &last_b, m1) : a;
            const vf even = even_lanes(a, b);
            vf sum = pooled(mean, even, odd_lanes(a, b));
            if (taps == 3) {
                const float *third = in + 2 * LCNN_WIDTH;
                const vf c = three ? pool_down(mean, masked, third, row, rows, carried, &last_c, m2) : a;
                sum = pooled(mean, sum, next_lanes(even, c));
            }
            pool_store(mean, out, sum, stored, share);
        }
    }
}

/* Two vectors at once for stride 2 and 3 columns: what the first needs from behind it is the second's. */
INLINE void pool_pair_by_2(const int mean, const int masked, const int64_t rows, const pool_state *s,
                           const pool_band *band, int64_t x, int64_t lanes)
{
    const int64_t column = 2 * x - s->u->left, row = s->in->row, second = x + LCNN_WIDTH;
    const lanes_mask stored = first_lanes(lanes), all = first_lanes(LCNN_WIDTH);
    const int carried = rows == 3 && s->u->stride_h == 2, more = lanes == LCNN_WIDTH;
    const vf factor = vset(band->row_share);
    const vf share0 = mean ? vload(s->share + x) * factor : factor;
    const vf share1 = mean ? vload_part(s->share + second, lanes) * factor : factor;
    const int64_t count = band->count, down = s->u->stride_h * row, out_row = s->out->row; /* loops read no struct */
    lanes_mask masks[5];
    vf last[5] = {{0}}, v[5] = {{0}};
    for (int i = 0; i < 5; i++) masks[i] = pool_mask(s, column + i * LCNN_WIDTH);
    const float *in = band->in + column;
    float *out = band->out + x;
#pragma GCC unroll 5
    for (int i = 0; i < 4 + more; i++) last[i] = pool_load(mean, masked, in + i * LCNN_WIDTH, masks[i]);
    for (int64_t y = 0; y < count; y++, in += down, out += out_row) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            v[i] = pool_down(mean, masked, in + i * LCNN_WIDTH, row, rows, carried, &last[i], masks[i]);
        if (more) v[4] = pool_down(mean, masked, in + 4 * LCNN_WIDTH, row, rows, carried, &last[4], masks[4]);
        const vf even0 = even_lanes(v[0], v[1]), even1 = even_lanes(v[2], v[3]);
        const vf sum0 = pooled(mean, pooled(mean, even0, odd_lanes(v[0], v[1])), next_lanes(even0, even1));
        const vf sum1 = pooled(mean, pooled(mean, even1, odd_lanes(v[2], v[3])), next_lanes(even1, v[4]));
        pool_store(mean, out, sum0, all, share0);
        pool_store(mean, out + LCNN_WIDTH, sum1, stored, share1);
    }
}

/* Stride 1, 3 columns: a vector, the same moved on by one and by two. */
INLINE void pool_3_by_1(const int mean, const int masked, const int64_t rows, const pool_state *s,
                        const pool_band *band, int64_t x, int64_t lanes)
{
    const int64_t column = x - s->u->left, row = s->in->row;
    const lanes_mask stored = first_lanes(lanes), m0 = pool_mask(s, column), m1 = pool_mask(s, column + LCNN_WIDTH);
    const int two = lanes + 2 > LCNN_WIDTH;
    const int64_t count = band->count, down = s->u->stride_h * row, out_row = s->out->row; /* loops read no struct */
    const int64_t plane = s->in->plane, out_plane = s->out->plane, channels = band->channels;
    const vf share = mean ? vload_part(s->share + x, lanes) * vset(band->row_share) : vset(1.0f);
    for (int64_t channel = 0; channel < channels; channel++) {
        const float *in = band->in + channel * plane + column;
        float *out = band->out + channel * out_plane + x;
        for (int64_t y = 0; y < count; y++, in += down, out += out_row) {
            const vf a = pool_down(mean, masked, in, row, rows, 0, NULL, m0);
            const vf b = two ? pool_down(mean, masked, in + LCNN_WIDTH, row, rows, 0, NULL, m1) : a;
            const vf sum = pooled(mean, pooled(mean, a, next_lanes(a, b)), after_next_lanes(a, b));
            pool_store(mean, out, sum, stored, share);
        }
    }
}

/* Stride 1, any number of columns up to LCNN_HALO. */
INLINE void pool_by_1(const int mean, const int masked, const int64_t taps, const int64_t rows, const pool_state *s,
                      const pool_band *band, int64_t x, int64_t lanes)
{
    const int64_t column = x - s->u->left, row = s->in->row;
    const lanes_mask stored = first_lanes(lanes);
    lanes_mask masks[LCNN_HALO];
    for (int64_t c = 0; c < taps; c++) masks[c] = pool_mask(s, column + c);
    const int64_t count = band->count, down = s->u->stride_h * row, out_row = s->out->row; /* loops read no struct */
    const int64_t plane = s->in->plane, out_plane = s->out->plane, channels = band->channels;
    const vf share = mean ? vload_part(s->share + x, lanes) * vset(band->row_share) : vset(1.0f);
    for (int64_t channel = 0; channel < channels; channel++) {
        const float *in = band->in + channel * plane + column;
        float *out = band->out + channel * out_plane + x;
        for (int64_t y = 0; y < count; y++, in += down, out += out_row) {
            vf sum = pool_down(mean, masked, in, row, rows, 0, NULL, masks[0]);
            for (int64_t c = 1; c < taps; c++)
                sum = pooled(mean, sum, pool_down(mean, masked, in + c, row, rows, 0, NULL, masks[c]));
            pool_store(mean, out, sum, stored, share);
        }
    }
}

/* The windows of AlexNet and ResNet get loops of constant size. */
INLINE void pool_vector(const int mean, const int masked, const pool_state *s, const pool_band *band, int64_t x,
                        int64_t lanes)
{
    const int64_t taps = s->u->kernel_w, rows = band->rows;
    if (s->u->stride_w == 2 && taps == 3 && rows == 3) pool_by_2(mean, masked, 3, 3, s, band, x, lanes);
    else if (s->u->stride_w == 2 && taps == 3) pool_by_2(mean, masked, 3, rows, s, band, x, lanes);
    else if (s->u->stride_w == 2 && rows == 2) pool_by_2(mean, masked, 2, 2, s, band, x, lanes);
    else if (s->u->stride_w == 2) pool_by_2(mean, masked, 2, rows, s, band, x, lanes);
    else if (taps == 3 && rows == 3) pool_3_by_1(mean, masked, 3, s, band, x, lanes);
    else if (taps == 3) pool_3_by_1(mean, masked, rows, s, band, x, lanes);
    else pool_by_1(mean, masked, taps, rows, s, band, x, lanes);
}

INLINE int pools_in_registers(const lcnn_pool *u)
{
    return u->stride_w == 1 ? u->kernel_w <= LCNN_HALO : u->stride_w == 2 && (u->kernel_w == 2 || u->kernel_w == 3);
}

INLINE int pool_leaves(const pool_state *s, int64_t x, int64_t lanes)
{
    const int64_t first = x * s->u->stride_w - s->u->left;
    return first < 0 || first + (lanes - 1) * s->u->stride_w + s->u->kernel_w > s->in->width;
}

INLINE void pool_in_registers(const int mean, const pool_state *s, const pool_band *band)
{
    const lcnn_pool *u = s->u;
    const int64_t width = s->out->width, pair = 2 * LCNN_WIDTH;
    int64_t x = 0;
    if (u->stride_w == 2 && u->kernel_w == 3 && band->rows == 3 && band->channels == 1)
        for (; width - x > LCNN_WIDTH; x += pair) {
            const int64_t lanes = min_i64(pair, width - x);
            if (pool_leaves(s, x, lanes)) pool_pair_by_2(mean, 1, 3, s, band, x, lanes - LCNN_WIDTH);
            else pool_pair_by_2(mean, 0, 3, s, band, x, lanes - LCNN_WIDTH);
        }
    for (; x < width; x += LCNN_WIDTH) {
        const int64_t lanes = min_i64(LCNN_WIDTH, width - x);
        if (pool_leaves(s, x, lanes)) pool_vector(mean, 1, s, band, x, lanes);
        else pool_vector(mean, 0, s, band, x, lanes);
    }
}

/* Any stride: down the rows into `column`, then along it. One channel. */
INLINE void pool_by_columns(const int mean, const pool_state *s, const pool_band *band)
{
    const lcnn_pool *u = s->u;
    for (int64_t y = 0; y < band->count; y++) {
        const float *in = band->in + y * u->stride_h * s->in->row;
        float *out = band->out + y * s->out->row;
        for (int64_t x = 0; x < s->in->width; x += LCNN_WIDTH) {
            const int64_t lanes = min_i64(LCNN_WIDTH, s->in->width - x);
            const vf sum = pool_down(mean, 1, in + x, s->in->row, band->rows, 0, NULL, first_lanes(lanes));
            vstore_part(s->column + u->left + x, sum, lanes);
        }
        for (int64_t x = 0; x < s->out->width; x++) {
            const float *column = s->column + x * u->stride_w;
            float sum = mean ? pool_sum_1(column, u->kernel_w) : column[0];
            for (int64_t c = 1; !mean && c < u->kernel_w; c++) sum = max_1(sum, column[c]);
            out[x] = mean ? sum * (s->share[x] * band->row_share) : sum;
        }
    }
}

/* Output rows [first, stop) have all their rows in the image and make bands; others make one each. */
typedef struct {
    int64_t first, stop;
} pool_rows;

INLINE pool_rows inner_rows(const pool_state *s)
{
    const lcnn_pool *u = s->u;
    const int64_t room = s->in->height - u->kernel_h + u->top;
    const int64_t stop = room < 0 ? 0 : min_i64(room / u->stride_h + 1, s->out->height);
    return (pool_rows){(u->top + u->stride_h - 1) / u->stride_h, stop};
}

/* The band at output row y of channels from `channel` on. Rows of several vectors come in bands of a few, which the
 * first-level cache holds while the vectors are worked through one after the other. */
INLINE pool_band band_at(const pool_state *s, float *arena, int64_t channel, int64_t channels, int64_t y,
                         pool_rows inner)
{
    const lcnn_pool *u = s->u;
    const int64_t at = y * u->stride_h - u->top, first = max_i64(at, 0);
    const int64_t rows = min_i64(at + u->kernel_h, s->in->height) - first;
    const int64_t max_count = s->out->width <= LCNN_WIDTH ? s->out->height : POOL_BAND;
    const int64_t count = y >= inner.first && y < inner.stop ? min_i64(inner.stop - y, max_count) : 1;
    return (pool_band){
        .in = arena + s->in->offset + channel * s->in->plane + first * s->in->row,
        .out = arena + s->out->offset + channel * s->out->plane + y * s->out->row,
        .channels = channels,
        .count = count,
        .rows = rows,
        .row_share = 1.0f / (float)rows,
    };
}

INLINE void pool_channels(const int mean, const pool_state *s, float *arena, int64_t channel, int64_t channels,
                          pool_rows inner)
{
    for (int64_t y = 0; y < s->out->height;) {
        const pool_band band = band_at(s, arena, channel, channels, y, inner);
        if (pools_in_registers(s->u)) pool_in_registers(mean, s, &band);
        else pool_by_columns(mean, s, &band);
        y += band.count;
    }
}

INLINE void pool(const int mean, const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_pool *u = &call->u.pool;
    const pool_state s = {u, &call->in[0], &call->out, context->scratch, context->scratch + u->span};
    for (int64_t i = 0; i < u->span; i++) s.column[i] = mean ? 0.0f : -INFINITY;
    for (int64_t x = 0; x < s.out->width; x++) {
        const int64_t first = x * u->stride_w - u->left;
        s.share[x] = 1.0f / (float)(min_i64(first + u->kernel_w, s.in->width) - max_i64(first, 0));
    }
    /* One vector a row: all channels go through the loop whose masks are made once. */
    const int64_t channels = s.out->width <= LCNN_WIDTH && pools_in_registers(u) ? end - begin : 1;
    for (int64_t channel = begin; channel < end; channel += channels)
        pool_channels(mean, &s, context->arena, channel, channels, inner_rows(&s));
    for (int64_t channel = begin; channel < end; channel++) clear_border(s.out, context->arena, channel);
}

static void max_pool(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    pool(0, call, context, begin, end);
}

static void avg_pool(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    pool(1, call, context, begin, end);
}
