/* 3x3 convolution by Winograd's minimal filtering, F(2x2, 3x3): of every 4 x 4 window of the input, 2 apart, come 2 x 2
 * results by 16 products instead of 36. With X the window, W a filter and products value by value,
 *
 *     Y = A' ((G W G') * (B' X B)) A        B' X B by winograd_input, G W G' when weights are packed
 *
 * so that for each of the 16 values there is a matrix product over channels. Those are the tiles of conv.inc.h, their
 * pixels being windows; sums of a chunk of windows stay in scratch until all 16 are there. Windows may leave the image
 * at the bottom and on the right: what they read there goes only into results that are not kept. */

#include "calls.h"
#include "simd/borders.h"
#include "simd/conv_tiles.h"
#include "simd/filters.h"
#include "simd/masks.h"
#include "simd/shuffles.h"
#include "simd/vectors.h"

#define WINOGRAD_VALUES 16

/* Floats from one of the 16 to the next: a line more than the windows take, or all 16 would lie in the same few sets of
 * the first-level cache. */
INLINE int64_t winograd_distance(const lcnn_map *windows) { return windows->channels * windows->plane + LCNN_LINE; }

/* B' of four values, each a vector. */
INLINE void winograd_mix(const vf *x, const int step, vf *out)
{
    const vf a = x[0], b = x[step], c = x[2 * step], d = x[3 * step];
    out[0] = a - c;
    out[step] = b + c;
    out[2 * step] = c - b;
    out[3 * step] = b - d;
}

/* Rows of windows: where each of the four begins, and where those that the other half of the lanes is of, at stride 2.
 */
typedef struct {
    const float *low[4], *high[4];
} winograd_rows;

/* B' X B of the windows of LCNN_WIDTH pairs of columns. */
INLINE void winograd_windows(const winograd_rows *rows, vf *out)
{
    vf x[WINOGRAD_VALUES];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const vf low = vload(rows->low[i]), high = vload(rows->high[i]);
        const vf next_low = vload(rows->low[i] + 2), next_high = vload(rows->high[i] + 2);
        x[4 * i] = even_lanes(low, high);
        x[4 * i + 1] = odd_lanes(low, high);
        x[4 * i + 2] = even_lanes(next_low, next_high);
        x[4 * i + 3] = odd_lanes(next_low, next_high);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) winograd_mix(x + 4 * i, 1, x + 4 * i);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) winograd_mix(x + j, 4, out + j);
}

/* The windows of one channel. Where half a vector holds a row of them, its other half is the row below. */
INLINE void winograd_channel(const lcnn_winograd_input *u, const lcnn_map *in, const lcnn_map *out, const float *source,
                             float *target)
{
    const int halves = out->width <= LCNN_WIDTH / 2;
    const int64_t values = winograd_distance(out);
    for (int64_t y = 0; y < out->height; y += 1 + halves)
        for (int64_t x = 0; x < out->width; x += LCNN_WIDTH) {
            const float *first = source + 2 * x;
            winograd_rows rows;
            for (int64_t i = 0; i < 4; i++) { /* a row that is not there may be any: what it gives is not kept */
                rows.low[i] = first + min_i64(2 * y + i, u->rows - 1) * in->row;
                rows.high[i] =
                    halves ? first + min_i64(2 * y + 2 + i, u->rows - 1) * in->row : rows.low[i] + LCNN_WIDTH;
            }
            vf found[WINOGRAD_VALUES];
            winograd_windows(&rows, found);
            const int64_t lanes = min_i64(LCNN_WIDTH, out->width - x);
            const lanes_mask mask = first_lanes(lanes);
            const lanes_mask others = lanes_between(LCNN_WIDTH / 2, LCNN_WIDTH / 2 + lanes);
            float *to = target + y * out->width + x;
            for (int i = 0; i < WINOGRAD_VALUES; i++, to += values) {
                vstore_masked(to, found[i], mask);
                if (halves && y + 1 < out->height) vstore_masked(to + out->width - LCNN_WIDTH / 2, found[i], others);
            }
        }
}

static void winograd_input(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_winograd_input *u = &call->u.winograd_input;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    for (int64_t c = begin; c < end; c++) {
        const float *source = context->arena + in->offset + c * in->plane - u->top * in->row - u->left;
        winograd_channel(u, in, out, source, context->arena + out->offset + c * out->plane);
    }
}

/* A' M A of one window and LCNN_WIDTH filters. IN sums: the first of 16, `values` apart. OUT out: row by row. */
INLINE void winograd_results(const float *sums, int64_t values, vf *out)
{
    vf m[2][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const vf a = vload(sums + j * values), b = vload(sums + (4 + j) * values);
        const vf c = vload(sums + (8 + j) * values), d = vload(sums + (12 + j) * values);
        m[0][j] = a + b + c;
        m[1][j] = b - c - d;
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        out[2 * i] = m[i][0] + m[i][1] + m[i][2];
        out[2 * i + 1] = m[i][1] - m[i][2] - m[i][3];
    }
}

/* The 16 sums over channels of windows [first, first + count) of a block of filters, to scratch, (16, count, lanes).
 * The bias goes into the one that every result has once. */
INLINE void winograd_products(const lcnn_call *call, const lcnn_context *context, int64_t block, int64_t first,
                              int64_t count)
{
    const lcnn_conv *u = &call->u.conv;
    const lcnn_map *in = &call->in[0];
    const int64_t tiles = (count + CONV_PIXELS - 1) / CONV_PIXELS;
    const float nothing[CONV_LANES * LCNN_WIDTH] = {0};
    for (int64_t i = 0; i < WINOGRAD_VALUES; i++) {
        const float *source = context->arena + in->offset + i * winograd_distance(in) + first;
        const float *weights = u->weights + (block * WINOGRAD_VALUES + i) * in->channels * u->lanes;
        const float *bias = i == 5 ? u->bias + block * u->lanes : nothing;
        for (int64_t tile = 0; tile < tiles; tile++) {
            const int64_t begin = count * tile / tiles, end = count * (tile + 1) / tiles;
            const float *window[CONV_PIXELS];
            for (int64_t w = 0; w < end - begin; w++) window[w] = source + begin + w;
            conv_pixels(u, in->channels, weights, window, end - begin, bias,
                        context->scratch + (i * count + begin) * u->lanes);
        }
    }
}

/* Rows [first, last) of windows of a block of filters. */
INLINE void winograd_unit(const lcnn_call *call, const lcnn_context *context, int64_t block, int64_t first,
                          int64_t last)
{
    const lcnn_conv *u = &call->u.conv;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    const int64_t count = (last - first) * in->width, lanes = u->lanes;
    winograd_products(call, context, block, first * in->width, count);
    float *results = context->scratch + WINOGRAD_VALUES * count * lanes; /* (pixels, lanes) */
    const int64_t height = min_i64(2 * last, out->height) - 2 * first;
    for (int64_t w = 0; w < count; w++) {
        const int64_t y = w / in->width * 2, x = w % in->width * 2;
        for (int64_t v = 0; v < lanes; v += LCNN_WIDTH) {
            vf found[4];
            winograd_results(context->scratch + w * lanes + v, count * lanes, found);
            for (int64_t i = 0; i < 2 && y + i < height; i++)
                for (int64_t j = 0; j < 2 && x + j < out->width; j++)
                    vstore(results + ((y + i) * out->width + x + j) * lanes + v, found[2 * i + j]);
        }
    }
    const filter_store store = {out, u->activation, u->alpha, lanes};
    const int64_t filter = block * lanes;
    store_filters(&store, context->arena + out->offset + filter * out->plane, min_i64(lanes, out->channels - filter),
                  results, 2 * first * out->width, height * out->width);
}

static void conv_winograd(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_conv *u = &call->u.conv;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t chunk = unit % u->pixel_chunks, block = unit / u->pixel_chunks;
        const int64_t stop = min_i64((block + 1) * u->lanes, out->channels), first = chunk * u->pixels_per_unit;
        for (int64_t o = block * u->lanes; chunk == 0 && o < stop; o++) clear_border(out, context->arena, o);
        winograd_unit(call, context, block, first, min_i64(first + u->pixels_per_unit, in->height));
    }
}
