/* Softmax over the channels of each pixel, and its logarithm. */

#include <math.h>

#include "calls.h"
#include "simd/borders.h"
#include "simd/masks.h"
#include "simd/mathematics.h"
#include "simd/runs.h"
#include "simd/shuffles.h"
#include "simd/vectors.h"

/* out[i] = e^(in[i] - maximum), and their sum; up to SUM_VECTORS vectors. */
static float exp_part_run(const float *in, int64_t length, float maximum, float *out)
{
    vf sum = vset(0.0f);
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) {
        const vf e = vexp(vload(in + i) - vset(maximum));
        vstore(out + i, e);
        sum += e;
    }
    if (i < length) {
        vstore_part(out + i, vexp(vload_part(in + i, length - i) - vset(maximum)), length - i);
        sum += vload_part(out + i, length - i); /* 0 in the lanes behind the end */
    }
    return sum_of_lanes(sum);
}

static float exp_run(const float *in, int64_t length, float maximum, float *out)
{
    const int64_t part = SUM_VECTORS * LCNN_WIDTH;
    double sum = 0;
    for (int64_t i = 0; i < length; i += part) sum += exp_part_run(in + i, min_i64(part, length - i), maximum, out + i);
    return (float)sum;
}

/* p[i] *= factor. */
INLINE void multiply_run(float *p, int64_t length, float factor)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) vstore(p + i, vload(p + i) * vset(factor));
    if (i < length) vstore_part(p + i, vload_part(p + i, length - i) * vset(factor), length - i);
}

/* out = e^in / sum of e^in. */
static void softmax_run(const float *in, int64_t length, float *out)
{
    const float maximum = max_lane(reduce_run(0, in, length, vset(-INFINITY)));
    multiply_run(out, length, 1.0f / exp_run(in, length, maximum, out));
}

/* out = in - maximum - ln of the sum of e^(in - maximum). `spare` is as long. */
static void log_softmax_run(const float *in, int64_t length, float *spare, float *out)
{
    const float maximum = max_lane(reduce_run(0, in, length, vset(-INFINITY)));
    const float total = logf(exp_run(in, length, maximum, spare));
    for (int64_t i = 0; i < length; i += LCNN_WIDTH) {
        const int64_t lanes = min_i64(LCNN_WIDTH, length - i);
        vstore_part(out + i, vload_part(in + i, lanes) - vset(maximum) - vset(total), lanes);
    }
}

INLINE void either_softmax_run(const int logarithm, const float *in, int64_t length, float *spare, float *out)
{
    if (logarithm) log_softmax_run(in, length, spare, out);
    else softmax_run(in, length, out);
}

INLINE void either_softmax(const int logarithm, const lcnn_call *call, const lcnn_context *context, int64_t begin,
                           int64_t end)
{
    const lcnn_map *in = &call->in[0], *out = &call->out;
    const int64_t channels = in->channels;
    float *values = context->scratch, *spare = values + channels;
    if (in->plane == 1 && out->plane == 1) {
        either_softmax_run(logarithm, context->arena + in->offset, channels, spare, context->arena + out->offset);
        return;
    }
    for (int64_t channel = 0; begin == 0 && channel < channels; channel++) clear_border(out, context->arena, channel);
    for (int64_t y = begin; y < end; y++)
        for (int64_t x = 0; x < in->width; x++) {
            const float *source = context->arena + in->offset + y * in->row + x;
            float *target = context->arena + out->offset + y * out->row + x;
            for (int64_t c = 0; c < channels; c++) values[c] = source[c * in->plane];
            either_softmax_run(logarithm, values, channels, spare, values);
            for (int64_t c = 0; c < channels; c++) target[c * out->plane] = values[c];
        }
}

static void softmax(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    either_softmax(0, call, context, begin, end);
}

static void log_softmax(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    either_softmax(1, call, context, begin, end);
}
