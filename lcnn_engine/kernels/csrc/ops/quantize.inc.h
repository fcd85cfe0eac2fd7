/* Planes of floats -> planes of words of four 8-bit numbers, channel by channel: what products of int8 read. First the
 * greatest values of the whole input, whose parts threads may share, then the integers. */

#include "calls.h"
#include "simd/int8.h"
#include "simd/masks.h"
#include "simd/shuffles.h"
#include "simd/vectors.h"

#define RANGE_VECTORS 4 /* at once: a comparison waits for the one before it */

INLINE void take_in(vf *high, vf *low, vf v)
{
    *high = vmaximum(*high, v);
    *low = vmaximum(*low, -v);
}

static void ranges(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_ranges *u = &call->u.ranges;
    const float *source = u->source < 0 ? context->input : context->arena + u->source;
    for (int64_t part = begin; part < end; part++) {
        const float *x = source + part * u->stride;
        vf high[RANGE_VECTORS] = {{0}}, low[RANGE_VECTORS] = {{0}};
        int64_t i = 0;
        for (; i + RANGE_VECTORS * LCNN_WIDTH <= u->length; i += RANGE_VECTORS * LCNN_WIDTH)
#pragma GCC unroll 4
            for (int v = 0; v < RANGE_VECTORS; v++) take_in(&high[v], &low[v], vload(x + i + v * LCNN_WIDTH));
        for (; i < u->length; i += LCNN_WIDTH)
            take_in(&high[0], &low[0], vload_part(x + i, min_i64(LCNN_WIDTH, u->length - i)));
        for (int v = 1; v < RANGE_VECTORS; v++) {
            high[0] = vmaximum(high[0], high[v]);
            low[0] = vmaximum(low[0], low[v]);
        }
        context->arena[u->target + 2 * part] = max_lane(high[0]);
        context->arena[u->target + 2 * part + 1] = max_lane(low[0]);
    }
}

/* Channels [first, first + channels) of pixels [i, i + count), four at most. */
INLINE vi quad_of(const float *source, int64_t plane, int64_t channels, int64_t i, int64_t count, int8_range range,
                  float inverse)
{
    vi word = {0};
    for (int64_t c = 0; c < channels; c++) {
        const float *x = source + c * plane + i;
        const vf v = count >= LCNN_WIDTH ? vload(x) : vload_part(x, count);
        word |= (vi)((vu)vquantize(v, range, inverse) << 8 * c);
    }
    return word;
}

static void pack_quads(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_pack_quads *u = &call->u.pack_quads;
    float inverse;
    const int8_range range = range_of_parts(context->arena + u->parts, u->count, &inverse);
    if (begin == 0) {
        context->arena[u->range] = range.scale;
        context->arena[u->range + 1] = range.zero;
    }
    for (int64_t quad = begin; quad < end; quad++) {
        const float *source = context->arena + u->source + 4 * quad * u->plane;
        const int64_t channels = min_i64(4, u->channels - 4 * quad);
        float *words = context->arena + u->target + quad * u->plane;
        int64_t i = 0;
        if (channels == 4)
            for (; i + LCNN_WIDTH <= u->plane; i += LCNN_WIDTH)
                vstore_words(words + i, quad_of(source, u->plane, 4, i, LCNN_WIDTH, range, inverse));
        for (; i < u->plane; i += LCNN_WIDTH) {
            const int64_t count = min_i64(LCNN_WIDTH, u->plane - i);
            vstore_part(words + i, (vf)quad_of(source, u->plane, channels, i, count, range, inverse), count);
        }
    }
}
