/* Dense convolution, direct: a block of filters lies across vector lanes, a few output pixels are broadcast.
 *
 * Per input value of a tap: `blocks` loads of weights and one broadcast a pixel feed blocks * pixels multiply-adds, all
 * in registers. Pixels are addressed one by one, so strides, dilation and row ends cost nothing and no im2col runs. */

#include "calls.h"
#include "simd/borders.h"
#include "simd/conv_tiles.h"
#include "simd/filters.h"
#include "simd/int8.h"
#include "simd/vectors.h"

/* What becomes of the sums (pixels, lanes) of a block of filters, whose number is `index`, before their activation. */
typedef void (*conv_finish)(const lcnn_call *call, const lcnn_context *context, int64_t index, int64_t pixels);

static void conv_no_finish(const lcnn_call *call, const lcnn_context *context, int64_t index, int64_t pixels)
{
    (void)call, (void)context, (void)index, (void)pixels;
}

/* sums = bias + (sums, int32, less those of what stands for 0) * both scales. */
static void conv_finish_int8(const lcnn_call *call, const lcnn_context *context, int64_t index, int64_t pixels)
{
    const lcnn_conv *u = &call->u.conv;
    const vf scale = vset(context->arena[u->range]);
    const vi zero = vround(vset(context->arena[u->range + 1]));
    for (int64_t v = 0; v < u->lanes; v += LCNN_WIDTH) {
        const int64_t at = index * u->lanes + v;
        const vf scales = scale * vload(u->scales + at), bias = vload(u->bias + at);
        const vi nothing = zero * *(const vi_unaligned *)(u->sums + at);
        for (int64_t p = 0; p < pixels; p++) {
            float *sum = context->scratch + p * u->lanes + v;
            vstore(sum, vfloat(vload_words(sum) - nothing) * scales + bias);
        }
    }
}

/* Prefetch share `tile` of `tiles` of the lines where pixels [first, first + count) of `filters` planes will be
 * written: all at once, behind the last tile, when there is no arithmetic left to wait beside. */
INLINE void conv_prefetch(const lcnn_map *out, const float *planes, int64_t filters, int64_t first, int64_t count,
                          int64_t tile, int64_t tiles)
{
    const int64_t last = first + count - 1;
    const int64_t begin = first / out->width * out->row + first % out->width;
    const int64_t end = last / out->width * out->row + last % out->width + 1;
    for (int64_t o = filters * tile / tiles; o < filters * (tile + 1) / tiles; o++)
        for (int64_t at = begin; at < end; at += 16) __builtin_prefetch(planes + o * out->plane + at, 1);
}

#define PREFETCH_TAPS 256 /* of a tile: with fewer, prefetching takes longer than it spares */

/* All channels of pixels [first, first + count) of one block of filters. The weights of a pass over some channels stay
 * in the second-level cache while the pixels stream by; `scratch` holds (count, lanes) sums between passes. */
INLINE void conv_chunk(const conv_tile compute, const conv_finish finish, const lcnn_call *call,
                       const lcnn_context *context, int64_t group, int64_t block, int64_t first, int64_t count)
{
    const lcnn_conv *u = &call->u.conv;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    const int64_t row = u->taps * u->lanes, index = group * u->blocks + block;
    const float *source =
        context->arena + in->offset + group * u->group_channels * in->plane - u->top * in->row - u->left;
    const int64_t tiles = (count + CONV_PIXELS - 1) / CONV_PIXELS;
    const int64_t filter = block * u->lanes, filters = min_i64(u->lanes, u->group_filters - filter);
    float *planes = context->arena + out->offset + (group * u->group_filters + filter) * out->plane;
    for (int64_t i = 0; i < u->group_channels; i += u->channels_per_pass) {
        const int64_t channels = min_i64(u->channels_per_pass, u->group_channels - i);
        const float *weights = u->weights + (index * u->group_channels + i) * row;
        const int prefetch = i + channels == u->group_channels && channels * u->taps >= PREFETCH_TAPS;
        int64_t y = first / out->width, x = first % out->width;
        for (int64_t tile = 0; tile < tiles; tile++) {
            const int64_t begin = count * tile / tiles, end = count * (tile + 1) / tiles;
            const float *pixel[CONV_PIXELS];
            for (int64_t p = 0; p < end - begin; p++) {
                pixel[p] = source + i * in->plane + y * u->stride_h * in->row + x * u->stride_w;
                if (++x == out->width) x = 0, y++;
            }
            if (prefetch) conv_prefetch(out, planes, filters, first, count, tile, tiles);
            compute(u, channels * u->taps, weights, pixel, end - begin, i ? 0 : u->bias + index * u->lanes,
                    context->scratch + begin * u->lanes);
        }
    }
    finish(call, context, index, count);
    const filter_store store = {out, u->activation, u->alpha, u->lanes};
    store_filters(&store, planes, filters, context->scratch, first, count);
}

INLINE void conv_units(const conv_tile compute, const conv_finish finish, const lcnn_call *call,
                       const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_conv *u = &call->u.conv;
    const lcnn_map *out = &call->out;
    const int64_t pixels = out->height * out->width;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t chunk = unit % u->pixel_chunks, index = unit / u->pixel_chunks;
        const int64_t group = index / u->blocks, block = index % u->blocks;
        if (chunk == 0) {
            const int64_t filter = block * u->lanes, stop = min_i64(filter + u->lanes, u->group_filters);
            for (int64_t o = filter; o < stop; o++) clear_border(out, context->arena, group * u->group_filters + o);
        }
        const int64_t first = chunk * u->pixels_per_unit;
        const int64_t count = min_i64(u->pixels_per_unit, pixels - first);
        conv_chunk(compute, finish, call, context, group, block, first, count);
    }
}

static void conv(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    conv_units(conv_pixels, conv_no_finish, call, context, begin, end);
}

static void conv_bf16(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    conv_units(conv_pixels_bf16, conv_no_finish, call, context, begin, end);
}

static void conv_int8(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    conv_units(conv_pixels_int8, conv_finish_int8, call, context, begin, end);
}
