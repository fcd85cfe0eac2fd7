/* Operations that look at one position of one channel: scale and shift, activation, sum and kind of two maps.
 *
 * Rows are short (7 to 56 pixels), so where all maps have the same rows a plane is taken as one run: what lands between
 * the rows is border, and is cleared behind. */

#include "calls.h"
#include "simd/borders.h"
#include "simd/masks.h"
#include "simd/mathematics.h"
#include "simd/vectors.h"

/* How a plane is walked: `runs` runs of `length` floats. */
typedef struct {
    int64_t runs, length;
} walk;

INLINE walk walk_of(const lcnn_map *out, const lcnn_map *a, const lcnn_map *b)
{
    if (a->row == out->row && b->row == out->row) return (walk){1, (out->height - 1) * out->row + out->width};
    return (walk){out->height, out->width};
}

INLINE vf scaled(vf x, const int affine, vf scale, vf shift, lcnn_activation activation, float alpha)
{
    return vactivate_inline(affine ? x * scale + shift : x, activation, alpha);
}

INLINE void scale_run(const float *in, int64_t length, const int affine, float scale, float shift,
                      lcnn_activation activation, float alpha, float *out)
{
    const vf a = vset(scale), b = vset(shift);
    int64_t x = 0;
    for (; x + LCNN_WIDTH <= length; x += LCNN_WIDTH)
        vstore(out + x, scaled(vload(in + x), affine, a, b, activation, alpha));
    if (x < length)
        vstore_part(out + x, scaled(vload_part(in + x, length - x), affine, a, b, activation, alpha), length - x);
}

/* One loop for each activation, chosen outside of it. */
static void scale_run_of(const float *in, int64_t length, const lcnn_pointwise *u, int64_t channel, float *out)
{
    const float scale = u->scale ? u->scale[channel] : 1.0f, shift = u->scale ? u->shift[channel] : 0.0f;
    switch (u->activation) {
#define CASE(name, formula)                                                                   \
    case LCNN_ACT_##name:                                                                     \
        if (u->scale) scale_run(in, length, 1, scale, shift, LCNN_ACT_##name, u->alpha, out); \
        else scale_run(in, length, 0, scale, shift, LCNN_ACT_##name, u->alpha, out);          \
        break;
        LCNN_ACTIVATIONS(CASE)
#undef CASE
    case LCNN_ACTIVATION_COUNT: break;
    }
}

static void pointwise_planes(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_pointwise *u = &call->u.pointwise;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    const walk w = walk_of(out, in, in);
    if (w.runs == 1 && in->plane == out->plane && 2 * w.length > in->plane && !u->scale) {
        /* all planes, and what little lies between, as one run */
        scale_run_of(context->arena + in->offset + begin * in->plane, (end - begin - 1) * in->plane + w.length, u, 0,
                     context->arena + out->offset + begin * out->plane);
        for (int64_t channel = begin; channel < end; channel++) clear_border(out, context->arena, channel);
        return;
    }
    for (int64_t channel = begin; channel < end; channel++) {
        const float *source = context->arena + in->offset + channel * in->plane;
        float *target = context->arena + out->offset + channel * out->plane;
        for (int64_t y = 0; y < w.runs; y++)
            scale_run_of(source + y * in->row, w.length, u, channel, target + y * out->row);
        clear_border(out, context->arena, channel);
    }
}

/* The same on a vector: lanes run across the channels. */
static void pointwise_vector(const lcnn_pointwise *u, const float *in, int64_t length, float *out)
{
    for (int64_t i = 0; i < length; i += LCNN_WIDTH) {
        const int64_t lanes = min_i64(LCNN_WIDTH, length - i);
        vf x = vload_part(in + i, lanes);
        if (u->scale) x = x * vload_part(u->scale + i, lanes) + vload_part(u->shift + i, lanes);
        vstore_part(out + i, vactivate(x, u->activation, u->alpha), lanes);
    }
}

/* out = act(in * scale + shift) per channel: batch norm, activation, padding, copies into a concatenation. */
static void pointwise(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_map *in = &call->in[0], *out = &call->out;
    if (in->plane == 1 && out->plane == 1) /* one unit */
        pointwise_vector(&call->u.pointwise, context->arena + in->offset, in->channels, context->arena + out->offset);
    else pointwise_planes(call, context, begin, end);
}

/* y = x where x >= 0, else slope x. */
INLINE vf vprelu(vf x, vf slope) { return vmax(vset(0.0f), x) + vmin(vset(0.0f), x) * slope; }

static void prelu(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const float *slope = call->u.prelu.slope;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    float *arena = context->arena;
    const walk w = walk_of(out, in, in);
    if (in->plane == 1 && out->plane == 1) /* one unit: lanes run across the channels */
        for (int64_t i = 0; i < in->channels; i += LCNN_WIDTH) {
            const int64_t lanes = min_i64(LCNN_WIDTH, in->channels - i);
            const vf x = vload_part(arena + in->offset + i, lanes);
            vstore_part(arena + out->offset + i, vprelu(x, vload_part(slope + i, lanes)), lanes);
        }
    else
        for (int64_t channel = begin; channel < end; channel++) {
            const float *source = arena + in->offset + channel * in->plane;
            float *target = arena + out->offset + channel * out->plane;
            for (int64_t y = 0; y < w.runs; y++)
                for (int64_t x = 0; x < w.length; x += LCNN_WIDTH) {
                    const int64_t lanes = min_i64(LCNN_WIDTH, w.length - x);
                    const vf value = vload_part(source + y * in->row + x, lanes);
                    vstore_part(target + y * out->row + x, vprelu(value, vset(slope[channel])), lanes);
                }
            clear_border(out, arena, channel);
        }
}

/* Every kernel that combines two inputs a and b, and its formula. NaN of either is NaN. */
/* clang-format off */
#define COMBINATIONS(X)                                                                                  \
    X(add, a + b) X(multiply, a *b) X(subtract, a - b) X(subtract_from, b - a) X(divide, a / b)          \
    X(divide_into, b / a) X(maximum, vmaximum(a, b)) X(minimum, -vmaximum(-a, -b))
/* clang-format on */
#define COMBINATION(name, formula) COMBINE_##name,
typedef enum { COMBINATIONS(COMBINATION) } combination;

INLINE vf combined(const combination kind, vf a, vf b, lcnn_activation activation, float alpha)
{
    switch (kind) {
#define CASE(name, formula) \
    case COMBINE_##name: return vactivate(formula, activation, alpha);
        COMBINATIONS(CASE)
#undef CASE
    }
    return a;
}

/* `repeat`: b is one number for all. */
INLINE void combine_run(const combination kind, const int repeat, const float *a, const float *b, int64_t length,
                        lcnn_activation activation, float alpha, float *out)
{
    int64_t x = 0;
    for (; x + LCNN_WIDTH <= length; x += LCNN_WIDTH)
        vstore(out + x, combined(kind, vload(a + x), repeat ? vset(*b) : vload(b + x), activation, alpha));
    if (x < length) {
        const int64_t lanes = length - x;
        const vf second = repeat ? vset(*b) : vload_part(b + x, lanes);
        vstore_part(out + x, combined(kind, vload_part(a + x, lanes), second, activation, alpha), lanes);
    }
}

INLINE void combine_run_of(const combination kind, const int repeat, const float *a, const float *b, int64_t length,
                           const lcnn_pointwise *u, float *out)
{
    switch (u->activation) { /* the common ones get a loop of their own */
    case LCNN_ACT_linear: combine_run(kind, repeat, a, b, length, LCNN_ACT_linear, 0, out); break;
    case LCNN_ACT_relu: combine_run(kind, repeat, a, b, length, LCNN_ACT_relu, 0, out); break;
    default: combine_run(kind, repeat, a, b, length, u->activation, u->alpha, out);
    }
}

INLINE void combine_planes(const combination kind, const int repeat, const lcnn_call *call, float *arena, int64_t begin,
                           int64_t end)
{
    const lcnn_map *a = &call->in[0], *b = &call->in[1], *out = &call->out;
    const walk w = walk_of(out, a, repeat ? a : b);
    for (int64_t channel = begin; channel < end; channel++) {
        const float *first = arena + a->offset + channel * a->plane;
        const float *second = arena + b->offset + (b->channels == 1 ? 0 : channel * b->plane);
        float *target = arena + out->offset + channel * out->plane;
        for (int64_t y = 0; y < w.runs; y++)
            combine_run_of(kind, repeat, first + y * a->row, repeat ? second : second + y * b->row, w.length,
                           &call->u.pointwise, target + y * out->row);
        clear_border(out, arena, channel);
    }
}

INLINE void combine(const combination kind, const lcnn_call *call, const lcnn_context *context, int64_t begin,
                    int64_t end)
{
    const lcnn_map *a = &call->in[0], *b = &call->in[1], *out = &call->out;
    float *arena = context->arena;
    const float *first = arena + a->offset, *second = arena + b->offset;
    if (a->plane == 1 && b->plane == 1 && out->plane == 1) { /* vectors, one unit: lanes run across channels */
        if (b->channels == out->channels)
            combine_run_of(kind, 0, first, second, out->channels, &call->u.pointwise, arena + out->offset);
        else combine_run_of(kind, 1, first, second, out->channels, &call->u.pointwise, arena + out->offset);
    } else if (b->height * b->width == 1) combine_planes(kind, 1, call, arena, begin, end);
    else combine_planes(kind, 0, call, arena, begin, end);
}

#define KERNEL(name, formula)                                                                        \
    static void name(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end) \
    {                                                                                                \
        combine(COMBINE_##name, call, context, begin, end);                                          \
    }
COMBINATIONS(KERNEL)
#undef KERNEL
