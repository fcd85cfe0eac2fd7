/* gather: out(c, y, x) = in[channels[c] + rows[y] + columns[x]], or `value` where a row or a column is -1: crops and
 * paddings, channels and pixels taken, blocks and axes exchanged. Unit: a channel, or the whole of a vector. The result
 * lies elsewhere than the input. */

#include "calls.h"
#include "simd/borders.h"
#include "simd/runs.h"
#include "simd/strided.h"
#include "simd/vectors.h"

/* out[i] = in[columns[i]], or value. */
INLINE void table_run(float *restrict out, const float *restrict in, const int32_t *columns, int64_t length,
                      float value)
{
    for (int64_t i = 0; i < length; i++) out[i] = columns[i] < 0 ? value : in[columns[i]];
}

/* Most columns lie a stride apart, in one run. */
INLINE void gather_row(float *restrict out, const float *restrict in, const lcnn_gather *u, int64_t width)
{
    const int64_t after = u->first + u->run;
    table_run(out, in, u->columns, u->first, u->value);
    if (u->run) gather_run(out + u->first, in + u->columns[u->first], u->run, u->stride);
    table_run(out + after, in, u->columns + after, width - after, u->value);
}

static void gather(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_gather *u = &call->u.gather;
    const lcnn_map *out = &call->out;
    const float *in = context->arena + call->in[0].offset;
    if (out->plane == 1) { /* one unit, one pixel: rows and columns are all of one */
        table_run(context->arena + out->offset, in + u->rows[0] + u->columns[0], u->channels, out->channels, 0.0f);
        return;
    }
    for (int64_t channel = begin; channel < end; channel++) {
        const float *source = in + u->channels[channel];
        float *target = context->arena + out->offset + channel * out->plane;
        for (int64_t y = 0; y < out->height; y++, target += out->row) {
            const int32_t row = u->rows[y];
            if (y && row == u->rows[y - 1]) copy_run(target, target - out->row, out->width);
            else if (row < 0) fill_run(target, out->width, u->value);
            else gather_row(target, source + row, u, out->width);
        }
        clear_border(out, context->arena, channel);
    }
}
