/* Pools over whole planes. */

#include <math.h>

#include "calls.h"
#include "simd/borders.h"
#include "simd/runs.h"
#include "simd/shuffles.h"
#include "simd/sums.h"
#include "simd/vectors.h"

INLINE void global_pool(const int mean, const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_map *in = &call->in[0], *out = &call->out;
    /* Zeros of a border between rows add nothing to a sum: narrow rows go as one run. */
    const int one_run = in->row == in->width || (mean && 2 * in->width >= in->row && in->width <= 4 * LCNN_WIDTH);
    const int64_t runs = one_run ? 1 : in->height, row = in->row;
    const int64_t length = one_run ? (in->height - 1) * row + in->width : in->width;
    const int64_t plane = in->plane, out_plane = out->plane;
    const float *source = context->arena + in->offset + begin * plane;
    float *target = context->arena + out->offset + begin * out_plane;
    const float share = 1.0f / (float)(in->height * in->width);
    for (int64_t channel = begin; channel < end; channel++, source += plane, target += out_plane) {
        if (mean) {
            *target = plane_sum(source, runs, length, row) * share;
            continue;
        }
        vf max = vset(-INFINITY);
        for (int64_t y = 0; y < runs; y++) max = reduce_run(0, source + y * row, length, max);
        *target = max_lane(max);
    }
    for (int64_t channel = begin; out_plane > 1 && channel < end; channel++) clear_border(out, context->arena, channel);
}

static void global_max(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    global_pool(0, call, context, begin, end);
}

static void global_avg(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    global_pool(1, call, context, begin, end);
}
