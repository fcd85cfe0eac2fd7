/* interpolate: out(c, y, x) = sum over the taps t of column_weights[t][x] * (sum over the taps s of row_weights[y][s] *
 * in(c, rows[y][s], columns[t][x])): bilinear and bicubic resizing. Unit: a channel; scratch is a row of the input. */

#include "calls.h"
#include "simd/borders.h"
#include "simd/masks.h"
#include "simd/vectors.h"

/* One vector of the taps down; `lanes` of it where it is not whole. */
INLINE vf tap_rows(const float *in, const int32_t *rows, const float *weights, int64_t taps, int64_t lanes)
{
    vf sum = vset(0.0f);
    for (int64_t s = 0; s < taps; s++) {
        const float *p = in + rows[s];
        sum += vset(weights[s]) * (lanes < LCNN_WIDTH ? vload_part(p, lanes) : vload(p));
    }
    return sum;
}

/* A row of the result, of a row of the input that is made of its rows already. */
INLINE void tap_columns(float *out, const float *row, const lcnn_interpolate *u, int64_t width)
{
    for (int64_t x = 0; x < width; x += LCNN_WIDTH) { /* tables are as long as whole vectors */
        vf sum = vset(0.0f);
        for (int64_t t = 0, at = x; t < u->taps; t++, at += u->lanes)
            sum += vload(u->column_weights + at) * vgather(row, u->columns + at);
        vstore_part(out + x, sum, min_i64(LCNN_WIDTH, width - x));
    }
}

static void interpolate(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_interpolate *u = &call->u.interpolate;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    for (int64_t channel = begin; channel < end; channel++) {
        const float *source = context->arena + in->offset + channel * in->plane;
        float *target = context->arena + out->offset + channel * out->plane;
        for (int64_t y = 0; y < out->height; y++) {
            const int32_t *rows = u->rows + y * u->taps;
            const float *weights = u->row_weights + y * u->taps;
            for (int64_t x = 0; x < in->width; x += LCNN_WIDTH) {
                const int64_t lanes = min_i64(LCNN_WIDTH, in->width - x);
                vstore_part(context->scratch + x, tap_rows(source + x, rows, weights, u->taps, lanes), lanes);
            }
            tap_columns(target + y * out->row, context->scratch, u, out->width);
        }
        if (out->plane > 1) clear_border(out, context->arena, channel);
    }
}
