/* Normalizations: y = (x - mean) / sqrt(variance + epsilon) * scale + shift, mean and variance over the channels of a
 * pixel (layer_norm), or over a whole map and the channels of a group (group_norm). The result may lie over the input.
 *
 * A mean is taken twice, the second time of what the first leaves: where it is far above the deviation, rounding it to
 * a float would show in every result. The variance is then the mean square of what is left, less a little. */

#include <math.h>

#include "calls.h"
#include "simd/borders.h"
#include "simd/masks.h"
#include "simd/runs.h"
#include "simd/shuffles.h"
#include "simd/sums.h"
#include "simd/vectors.h"

/* What is left of values after a first mean: the means of it and of its square, lane by lane. */
typedef struct {
    vf mean, square;
} remainder_means;

INLINE remainder_means remainder_of_channels(const float *source, int64_t plane, int64_t channels, int64_t lanes,
                                             vf mean)
{
    remainder_means total = {vset(0.0f), vset(0.0f)};
    for (int64_t first = 0; first < channels; first += SUM_VECTORS) {
        vf sum = vset(0.0f), squares = vset(0.0f);
        for (int64_t c = first; c < min_i64(first + SUM_VECTORS, channels); c++) {
            const vf left = vload_part(source + c * plane, lanes) - mean;
            sum += left;
            squares += left * left;
        }
        total.mean += sum;
        total.square += squares;
    }
    const vf share = vset(1.0f) / vset((float)channels);
    return (remainder_means){total.mean * share, total.square * share};
}

/* Lanes are pixels of a row. */
INLINE void normalize_pixels(const lcnn_norm *u, const float *source, int64_t plane, int64_t channels, int64_t lanes,
                             float *target, int64_t out_plane)
{
    const vf mean = sum_of_channels(source, plane, channels, lanes) / vset((float)channels);
    const remainder_means left = remainder_of_channels(source, plane, channels, lanes, mean);
    const vf variance = vmax(vset(0.0f), left.square - left.mean * left.mean);
    const vf factor = vset(1.0f) / vsqrt(variance + vset(u->epsilon));
    for (int64_t c = 0; c < channels; c++) {
        const vf x = (vload_part(source + c * plane, lanes) - mean - left.mean) * factor;
        vstore_part(target + c * out_plane, x * vset(u->scale[c]) + vset(u->shift[c]), lanes);
    }
}

/* The sums of what is left of a run after `mean`, and of its square; up to SUM_VECTORS vectors in floats. */
INLINE void remainder_of_run(const float *in, int64_t length, float mean, double *sum, double *square)
{
    const int64_t part = SUM_VECTORS * LCNN_WIDTH;
    for (int64_t first = 0; first < length; first += part) {
        const int64_t end = min_i64(first + part, length);
        vf total = vset(0.0f), squares = vset(0.0f);
        int64_t i = first;
        for (; i + LCNN_WIDTH <= end; i += LCNN_WIDTH) {
            const vf left = vload(in + i) - vset(mean);
            total += left;
            squares += left * left;
        }
        for (; i < end; i++) {
            const float left = in[i] - mean;
            total[0] += left;
            squares[0] += left * left;
        }
        *sum += sum_of_lanes(total);
        *square += sum_of_lanes(squares);
    }
}

/* One over the deviation, from sums over `count` values; the mean of what is left goes into `sum`. */
INLINE float deviation_factor(double *sum, double square, double count, float epsilon)
{
    *sum /= count;
    const double variance = square / count - *sum * *sum;
    return (float)(1.0 / sqrt((variance > 0.0 || variance != variance ? variance : 0.0) + epsilon));
}

/* Lanes are channels. */
static void normalize_vector(const lcnn_norm *u, const float *in, int64_t length, float *out)
{
    const float mean = plane_sum(in, 1, length, length) / (float)length;
    double left = 0, square = 0;
    remainder_of_run(in, length, mean, &left, &square);
    const float factor = deviation_factor(&left, square, (double)length, u->epsilon);
    for (int64_t i = 0; i < length; i += LCNN_WIDTH) {
        const int64_t lanes = min_i64(LCNN_WIDTH, length - i);
        const vf x = (vload_part(in + i, lanes) - vset(mean) - vset((float)left)) * vset(factor);
        vstore_part(out + i, x * vload_part(u->scale + i, lanes) + vload_part(u->shift + i, lanes), lanes);
    }
}

static void layer_norm(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_norm *u = &call->u.norm;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    float *arena = context->arena;
    if (in->plane == 1 && out->plane == 1) { /* one unit */
        normalize_vector(u, arena + in->offset, in->channels, arena + out->offset);
        return;
    }
    for (int64_t channel = 0; begin == 0 && channel < out->channels; channel++) clear_border(out, arena, channel);
    for (int64_t y = begin; y < end; y++)
        for (int64_t x = 0; x < in->width; x += LCNN_WIDTH)
            normalize_pixels(u, arena + in->offset + y * in->row + x, in->plane, in->channels,
                             min_i64(LCNN_WIDTH, in->width - x), arena + out->offset + y * out->row + x, out->plane);
}

/* y = (x - mean) * scale + shift of one plane. */
static void normalize_plane(const lcnn_map *in, const lcnn_map *out, float *arena, int64_t channel, float mean,
                            float scale, float shift)
{
    const float *source = arena + in->offset + channel * in->plane;
    float *target = arena + out->offset + channel * out->plane;
    for (int64_t y = 0; y < in->height; y++)
        for (int64_t x = 0; x < in->width; x += LCNN_WIDTH) {
            const int64_t lanes = min_i64(LCNN_WIDTH, in->width - x);
            const vf left = vload_part(source + y * in->row + x, lanes) - vset(mean);
            vstore_part(target + y * out->row + x, left * vset(scale) + vset(shift), lanes);
        }
    clear_border(out, arena, channel);
}

static void group_norm(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_norm *u = &call->u.norm;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    const int64_t channels = in->channels / u->groups;
    const int64_t runs = in->row == in->width ? 1 : in->height, length = in->height * in->width / runs;
    const double count = (double)channels * (double)(in->height * in->width);
    for (int64_t group = begin; group < end; group++) {
        double sum = 0, left = 0, square = 0;
        const float *first = context->arena + in->offset + group * channels * in->plane;
        for (int64_t c = 0; c < channels; c++) sum += plane_sum(first + c * in->plane, runs, length, in->row);
        const float mean = (float)(sum / count);
        for (int64_t c = 0; c < channels; c++)
            for (int64_t y = 0; y < runs; y++)
                remainder_of_run(first + c * in->plane + y * in->row, length, mean, &left, &square);
        const float factor = deviation_factor(&left, square, count, u->epsilon);
        for (int64_t channel = group * channels; channel < (group + 1) * channels; channel++) {
            const float scale = factor * u->scale[channel];
            normalize_plane(in, out, context->arena, channel, mean, scale, u->shift[channel] - (float)left * scale);
        }
    }
}
