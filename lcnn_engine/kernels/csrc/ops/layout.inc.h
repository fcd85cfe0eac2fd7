/* Moving activations between memory orders: the caller's (H, W, C), planes, and planes split by stride. */

#include "calls.h"
#include "simd/borders.h"
#include "simd/masks.h"
#include "simd/runs.h"
#include "simd/shuffles.h"
#include "simd/strided.h"
#include "simd/vectors.h"

/* Finite numbers only: x - x is 0 for them and not for infinities and NaN. */
INLINE int any_not_finite(const float *x, int64_t length)
{
    int64_t i = 0;
    vf bad = vset(0.0f);
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH) {
        const vf v = vload(x + i);
        bad += v - v;
    }
    float sum = 0;
    for (int lane = 0; lane < LCNN_WIDTH; lane++) sum += bad[lane];
    for (; i < length; i++) sum += x[i] - x[i];
    return !(sum == 0);
}

/* Columns, or rows, of one phase: `first` zeros, `count` that lie in the image, from `at` of it on, and zeros again. */
typedef struct {
    int64_t first, count, at;
} phase_span;

INLINE phase_span span_of(int64_t phase, int64_t before, int64_t stride, int64_t size, int64_t positions)
{
    const int64_t shift = before - phase; /* position i reads i * stride - shift */
    const int64_t first = min_i64(shift > 0 ? (shift + stride - 1) / stride : 0, positions);
    const int64_t limit = size + shift; /* positions with i * stride < limit */
    const int64_t stop = max_i64(first, min_i64(limit > 0 ? (limit + stride - 1) / stride : 0, positions));
    return (phase_span){first, stop - first, first * stride - shift};
}

/* A row of `phases` phases, all channels, where there is no image. */
INLINE void zero_phases(const lcnn_space_to_depth *u, int64_t phases, float *target)
{
    for (int64_t p = 0; p < phases; p++)
        for (int64_t c = 0; c < u->channels; c++)
            zero_run(target + c * u->plane + p * u->rows * u->columns, u->columns);
}

/* Row y of the source to row a of one phase, all channels. */
INLINE void split_phase(const lcnn_space_to_depth *u, const float *source, int64_t y, const phase_span *at, float *out)
{
    const float *in = source + y * u->row_stride + at->at * u->x_stride;
    const int64_t after = at->first + at->count;
    for (int64_t c = 0; c < u->channels; c++, out += u->plane, in += u->channel_stride) {
        zero_run(out, at->first);
        gather_run(out + at->first, in, at->count, u->stride_w * u->x_stride);
        zero_run(out + after, u->columns - after);
    }
}

#define SPLIT_REACH 16 /* columns of padding that may be read in place of zeros: the arena has room around it */

/* Whether rows of planes are split by whole vectors, which read beyond the image, and even beyond what is zero there.
 */
INLINE int splits_vectors(const lcnn_space_to_depth *u)
{
    return u->source >= 0 && u->x_stride == 1 && u->stride_w == 2 && u->left <= SPLIT_REACH &&
           2 * u->columns <= u->left + u->width + SPLIT_REACH;
}

/* Rows [begin, end) of one phase, whose columns are `at` and whose rows are `down`, by whole vectors, plane by plane:
 * lanes beyond the image become zeros. */
INLINE void split_vectors(const lcnn_space_to_depth *u, const float *source, const phase_span *at,
                          const phase_span *down, int64_t begin, int64_t end, float *out)
{
    const int64_t rows = u->stride_h * u->row_stride, last = down->first + down->count;
    const float *in = source + (down->at - down->first * u->stride_h) * u->row_stride + at->at - 2 * at->first;
    for (int64_t b = 0; b < u->columns; b += LCNN_WIDTH) {
        const int64_t columns = min_i64(LCNN_WIDTH, u->columns - b);
        const int64_t second = 2 * columns > LCNN_WIDTH ? LCNN_WIDTH : 0; /* of narrow maps one vector has all */
        const lanes_mask all = first_lanes(columns);
        vi kept;
        for (int64_t lane = 0; lane < LCNN_WIDTH; lane++)
            kept[lane] = lane + b >= at->first && lane + b < at->first + at->count ? -1 : 0;
        for (int64_t c = 0; c < u->channels; c++) {
            const float *p = in + c * u->channel_stride + 2 * b + begin * rows;
            float *q = out + c * u->plane + b + begin * u->columns;
            for (int64_t a = begin; a < end; a++, p += rows, q += u->columns) {
                vf even = vset(0.0f);
                if (a >= down->first && a < last) even = even_lanes(vload(p), vload(p + second));
                vstore_masked(q, (vf)((vi)even & kept), all);
            }
        }
    }
}

#define MAX_VALUES 64 /* of a column that are split off together; a multiple of 4 */

/* The same for `phases` phases that lie in one row of an interleaved image: LCNN_WIDTH columns at once, of each four
 * values at once, each of one phase and channel, transposed in registers. */
INLINE void split_together(const lcnn_space_to_depth *u, const float *row, const int32_t *phase_x, int64_t phases,
                           float *target)
{
    const int64_t channels = u->channels, group = u->stride_w * channels, length = u->width * channels;
    float *targets[MAX_VALUES] = {NULL}; /* where each value of a column goes */
    for (int64_t p = 0; p < phases; p++)
        for (int64_t c = 0; c < channels; c++)
            targets[phase_x[p] * channels + c] = target + c * u->plane + p * u->rows * u->columns;
    for (int64_t b = 0; b < u->columns; b += LCNN_WIDTH) {
        float edge[LCNN_WIDTH * MAX_VALUES]; /* columns that do not lie all in the image, zeros around it */
        const int64_t at = b * group - u->left * channels, size = LCNN_WIDTH * group;
        const int64_t lanes = min_i64(LCNN_WIDTH, u->columns - b);
        const float *columns = row + at;
        if (at < 0 || at + size + 3 > length) {
            const int64_t begin = min_i64(max_i64(-at, 0), size), end = max_i64(min_i64(length - at, size), begin);
            zero_run(edge, size);
            copy_run(edge + begin, columns + begin, end - begin);
            columns = edge;
        }
        for (int64_t value = 0; value < group; value += 4) {
            vf four[4];
            for (int64_t i = 0; i < 4; i++) four[i] = vload_fours(columns + i * group + value, 4 * group);
            transpose_fours(four);
            for (int64_t i = 0; i < 4; i++)
                if (targets[value + i]) vstore_masked(targets[value + i] + b, four[i], first_lanes(lanes));
        }
    }
}

/* Every number of the caller's image is looked at once: unit `row` reads its share of the image's rows. */
static void check_input(const lcnn_call *call, const lcnn_context *context, int64_t unit)
{
    const lcnn_space_to_depth *u = &call->u.space_to_depth;
    const int64_t begin = u->height * unit / call->units, end = u->height * (unit + 1) / call->units;
    if (any_not_finite(context->input + begin * u->row_stride, (end - begin) * u->row_stride))
        __atomic_store_n(context->rejected, 1, __ATOMIC_RELAXED);
}

/* How many phases, from `first` of the list on, to split off together: 0 where they are the lesser part of a row. */
INLINE int64_t phases_together(const lcnn_space_to_depth *u, int64_t first)
{
    const int64_t group = u->stride_w * u->channels;
    if (u->channel_stride != 1 || u->x_stride != u->channels || group == 1 || group > MAX_VALUES) return 0;
    int64_t phases = 1;
    while (first + phases < u->phases && u->phase_y[first + phases] == u->phase_y[first]) phases++;
    return 4 * phases * u->channels > group ? phases : 0;
}

static void space_to_depth(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_space_to_depth *u = &call->u.space_to_depth;
    const float *source = u->source < 0 ? context->input : context->arena + u->source;
    const int64_t size = u->rows * u->columns;
    for (int64_t first = 0, phases; first < u->phases; first += phases) {
        const phase_span at = span_of(u->phase_x[first], u->left, u->stride_w, u->width, u->columns);
        const phase_span down = span_of(u->phase_y[first], u->top, u->stride_h, u->height, u->rows);
        const int64_t together = phases_together(u, first);
        float *target = context->arena + u->target + first * size;
        phases = max_i64(together, 1);
        if (!together && splits_vectors(u)) {
            split_vectors(u, source, &at, &down, begin, end, target);
            continue;
        }
        for (int64_t a = begin; a < end; a++) {
            const int64_t y = (a - down.first) * u->stride_h + down.at;
            float *row = target + a * u->columns;
            if (u->source < 0 && first == 0) check_input(call, context, a); /* brings the row into the cache */
            if (a < down.first || a >= down.first + down.count) zero_phases(u, phases, row);
            else if (together) split_together(u, source + y * u->row_stride, u->phase_x + first, phases, row);
            else split_phase(u, source, y, &at, row);
        }
    }
}

/* Pixels [begin, begin + count) of all planes, at `source`, to channels-last order: blocks of LCNN_WIDTH pixels and as
 * many channels are transposed in registers. */
static void to_nhwc_run(const float *source, int64_t plane, int64_t channels, int64_t count, float *out)
{
    for (int64_t c = 0; c < channels; c += LCNN_WIDTH) {
        const int64_t lanes = min_i64(LCNN_WIDTH, channels - c);
        for (int64_t x = 0; x < count; x += LCNN_WIDTH) {
            const int64_t pixels = min_i64(LCNN_WIDTH, count - x);
            vf rows[LCNN_WIDTH];
            for (int64_t i = 0; i < LCNN_WIDTH; i++)
                rows[i] = i < lanes ? vload_part(source + (c + i) * plane + x, pixels) : vset(0.0f);
            transpose(rows);
            for (int64_t i = 0; i < pixels; i++) vstore_part(out + (x + i) * channels + c, rows[i], lanes);
        }
    }
}

static void to_nhwc(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_map *in = &call->in[0];
    const int64_t channels = in->channels, size = in->height * in->width * channels;
    const float *source = context->arena + in->offset + begin * in->row;
    float *target = call->u.to_nhwc.output < 0 ? context->arena + call->u.to_nhwc.target
                                               : context->outputs[call->u.to_nhwc.output] + context->image * size;
    target += begin * in->width * channels;
    if (in->plane == 1) copy_run(target, source, channels);
    else if (in->row == in->width) to_nhwc_run(source, in->plane, channels, (end - begin) * in->width, target);
    else
        for (int64_t y = 0; y < end - begin; y++)
            to_nhwc_run(source + y * in->row, in->plane, channels, in->width, target + y * in->width * channels);
}

/* out = values, which a model holds: copied at each run, as all that kernels read lies in the arena. */
static void constant(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_map *out = &call->out;
    const float *values = call->u.constant.values;
    if (out->plane == 1) { /* one unit */
        copy_run(context->arena + out->offset, values, out->channels);
        return;
    }
    for (int64_t channel = begin; channel < end; channel++) {
        float *target = context->arena + out->offset + channel * out->plane;
        for (int64_t y = 0; y < out->height; y++)
            copy_run(target + y * out->row, values + (channel * out->height + y) * out->width, out->width);
        clear_border(out, context->arena, channel);
    }
}
