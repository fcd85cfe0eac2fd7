/* The maximum or the mean over the channels of each pixel: a map of one channel. Unit: a row. */

#include <math.h>

#include "calls.h"
#include "simd/borders.h"
#include "simd/masks.h"
#include "simd/sums.h"
#include "simd/vectors.h"

INLINE vf max_of_channels(const float *source, int64_t plane, int64_t channels, int64_t lanes)
{
    vf result = vset(-INFINITY);
    for (int64_t c = 0; c < channels; c++) result = vmaximum(result, vload_part(source + c * plane, lanes));
    return result;
}

INLINE void over_channels(const int mean, const lcnn_call *call, const lcnn_context *context, int64_t begin,
                          int64_t end)
{
    const lcnn_map *in = &call->in[0], *out = &call->out;
    if (begin == 0) clear_border(out, context->arena, 0);
    for (int64_t y = begin; y < end; y++)
        for (int64_t x = 0; x < in->width; x += LCNN_WIDTH) {
            const float *source = context->arena + in->offset + y * in->row + x;
            const int64_t lanes = min_i64(LCNN_WIDTH, in->width - x);
            const vf result = mean ? sum_of_channels(source, in->plane, in->channels, lanes) / vset((float)in->channels)
                                   : max_of_channels(source, in->plane, in->channels, lanes);
            vstore_part(context->arena + out->offset + y * out->row + x, result, lanes);
        }
}

static void channel_max(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    over_channels(0, call, context, begin, end);
}

static void channel_mean(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    over_channels(1, call, context, begin, end);
}
