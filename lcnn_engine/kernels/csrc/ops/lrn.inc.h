/* Local response normalization over channels. */

#include <math.h>

#include "calls.h"
#include "simd/borders.h"
#include "simd/vectors.h"

/* s^-beta. AlexNet's 0.75 and 0.5 by square roots: a call of powf costs as much as the rest of the layer. */
INLINE float inverse_power(float s, float beta)
{
    if (beta == 0.75f) return 1.0f / (sqrtf(s) * sqrtf(sqrtf(s)));
    if (beta == 0.5f) return 1.0f / sqrtf(s);
    if (beta == 1.0f) return 1.0f / s;
    return powf(s, -beta);
}

/* sum[x] = squares of channels [first, last] at pixel x of a row. */
INLINE void sum_of_squares(const float *source, int64_t plane, int64_t first, int64_t last, int64_t width, float *sum)
{
    for (int64_t x = 0; x < width; x++) sum[x] = 0;
    for (int64_t c = first; c <= last; c++)
        for (int64_t x = 0; x < width; x++) sum[x] += source[c * plane + x] * source[c * plane + x];
}

/* The same for the next channel's window, from the one before it: a wide window summed anew for every channel would
 * take channels^2. `exact` has the digits that adding and taking away again would cost a float. */
INLINE void slide_sum_of_squares(const float *source, int64_t plane, int64_t channels, int64_t channel, int64_t radius,
                                 int64_t width, double *exact, float *sum)
{
    const int64_t enters = channel + radius, leaves = channel - radius - 1;
    for (int64_t c = channel ? enters : 0; c <= min_i64(enters, channels - 1); c++)
        for (int64_t x = 0; x < width; x++) exact[x] += (double)source[c * plane + x] * source[c * plane + x];
    for (int64_t x = 0; leaves >= 0 && x < width; x++)
        exact[x] -= (double)source[leaves * plane + x] * source[leaves * plane + x];
    for (int64_t x = 0; x < width; x++) sum[x] = (float)exact[x];
}

#define NARROW_LRN 8 /* up to this radius a window is summed anew */

/* scratch: a row of doubles, and a row of floats. */
static void lrn(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_lrn *u = &call->u.lrn;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    const int64_t width = in->width, channels = in->channels, radius = u->radius;
    double *exact = (double *)context->scratch;
    float *sum = context->scratch + 2 * width;
    for (int64_t channel = 0; begin == 0 && channel < channels; channel++) clear_border(out, context->arena, channel);
    for (int64_t y = begin; y < end; y++) {
        const float *source = context->arena + in->offset + y * in->row;
        float *target = context->arena + out->offset + y * out->row;
        for (int64_t x = 0; x < width; x++) exact[x] = 0;
        for (int64_t channel = 0; channel < channels; channel++) {
            const float *values = source + channel * in->plane;
            if (radius <= NARROW_LRN)
                sum_of_squares(source, in->plane, max_i64(channel - radius, 0), min_i64(channel + radius, channels - 1),
                               width, sum);
            else slide_sum_of_squares(source, in->plane, channels, channel, radius, width, exact, sum);
            for (int64_t x = 0; x < width; x++)
                target[channel * out->plane + x] = values[x] * inverse_power(u->bias + u->alpha * sum[x], u->beta);
        }
    }
}
