/* Depthwise convolution: every filter reads one channel. Pixels of a row lie across vector lanes, rows above one
 * another stay in registers: what is loaded of an input row serves every output row whose window it is in, and both
 * columns that a load at stride 2 brings, even and odd, are used. Where half a vector holds a row, its other half is a
 * row further down. */

#include "calls.h"
#include "simd/borders.h"
#include "simd/masks.h"
#include "simd/mathematics.h"
#include "simd/runs.h"
#include "simd/shuffles.h"
#include "simd/vectors.h"

#if LCNN_REGISTERS >= 32
#define DEPTHWISE_ROWS 7 /* 7 sums, 9 or 25 weights: images are 224 or a half, a quarter, ... of it */
#else
#define DEPTHWISE_ROWS 4 /* 4 sums, 9 weights in 16 registers */
#endif

/* A vector of pixels, in several rows. `halves`: the other half of the lanes reads `second` floats further on. */
typedef struct {
    const lcnn_depthwise *u;
    const float *source, *weights;
    int64_t row, second, lanes;
    float bias;
} depthwise_tile;

/* What the lanes see from p on, `stride` floats apart; at stride 0 as many as the call says. */
INLINE vf depthwise_load(const int stride, const int halves, const depthwise_tile *t, const float *p)
{
    if (stride == 1) return halves ? vload_halves(p, p + t->second) : vload(p);
    if (stride == 2) return even_lanes(vload(p), vload(p + (halves ? t->second : LCNN_WIDTH)));
    vf v = vset(0.0f);
    for (int64_t lane = 0; lane < t->lanes; lane++) v[lane] = p[lane * t->u->stride_w];
    return v;
}

/* sums[r]: of output row r, not activated, for kernels of `size` x `size` and a stride of as many rows as columns. */
INLINE void depthwise_square(const int size, const int stride, const int halves, const int rows,
                             const depthwise_tile *t, vf *sums)
{
    vf weights[5 * 5];
#pragma GCC unroll 32
    for (int i = 0; i < size * size; i++) weights[i] = vset(t->weights[i]);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) sums[r] = vset(t->bias);
#pragma GCC unroll 32
    for (int y = 0; y < (rows - 1) * stride + size; y++)
#pragma GCC unroll 8
        for (int x = 0; x < size; x++) {
            const vf pixels = depthwise_load(stride, halves, t, t->source + y * t->row + x);
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++)
                if (y >= r * stride && y < r * stride + size) sums[r] += weights[(y - r * stride) * size + x] * pixels;
        }
}

/* The same for any kernel, stride and dilation, tap by tap. */
INLINE void depthwise_taps(const int stride, const int rows, const depthwise_tile *t, vf *sums)
{
    const lcnn_depthwise *u = t->u;
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) sums[r] = vset(t->bias);
    for (int64_t y = 0; y < u->kernel_h; y++)
        for (int64_t x = 0; x < u->kernel_w; x++) {
            const float *tap = t->source + y * u->dilation_h * t->row + x * u->dilation_w;
            const vf weight = vset(t->weights[y * u->kernel_w + x]);
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++)
                sums[r] += weight * depthwise_load(stride, 0, t, tap + r * u->stride_h * t->row);
        }
}

/* Activate the sums and write them where the rows of the result are, `row` floats apart; those of the other half of the
 * lanes `second` floats further on. */
INLINE void depthwise_store(const int rows, const int halves, const depthwise_tile *t, vf *sums, float *target,
                            int64_t row, int64_t second)
{
    vactivate_all(rows, sums, t->u->activation, t->u->alpha);
    const lanes_mask mask = first_lanes(t->lanes);
    const lanes_mask others = lanes_between(LCNN_WIDTH / 2, LCNN_WIDTH / 2 + (halves ? t->lanes : 0));
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        if (t->lanes == LCNN_WIDTH) vstore(target + r * row, sums[r]);
        else vstore_masked(target + r * row, sums[r], mask);
        if (halves) vstore_masked(target + r * row + second - LCNN_WIDTH / 2, sums[r], others);
    }
}

/* `rows` rows of a tile. `size`: of a square kernel, or 0. */
INLINE void depthwise_rows(const int size, const int stride, const int halves, const int rows, const depthwise_tile *t,
                           float *target, int64_t row, int64_t second)
{
    vf sums[DEPTHWISE_ROWS];
    if (size) depthwise_square(size, stride, halves, rows, t, sums);
    else depthwise_taps(stride, rows, t, sums);
    depthwise_store(rows, halves, t, sums, target, row, second);
}

/* As many rows as there is a loop for, of at most `rows`, from t on to `target` on: how many. */
typedef int64_t (*depthwise_compute)(int64_t rows, const depthwise_tile *t, float *target, int64_t row, int64_t second);

INLINE int64_t depthwise_some(const int size, const int stride, const int halves, int64_t rows, const depthwise_tile *t,
                              float *target, int64_t row, int64_t second)
{
#define ROWS(n)                                                          \
    if (rows >= n) {                                                     \
        depthwise_rows(size, stride, halves, n, t, target, row, second); \
        return n;                                                        \
    }
#if DEPTHWISE_ROWS > 4
    ROWS(DEPTHWISE_ROWS)
#endif
    ROWS(4)
    ROWS(2)
    depthwise_rows(size, stride, halves, 1, t, target, row, second);
    return 1;
#undef ROWS
}

/* clang-format off */
#define KINDS(X)                                                                            \
    X(3x3, 3, 1, 0) X(3x3_halves, 3, 1, 1) X(3x3_by_2, 3, 2, 0) X(3x3_by_2_halves, 3, 2, 1) \
    X(5x5, 5, 1, 0) X(5x5_halves, 5, 1, 1) X(5x5_by_2, 5, 2, 0) X(5x5_by_2_halves, 5, 2, 1) \
    X(any, 0, 1, 0) X(any_by_2, 0, 2, 0) X(any_by_any, 0, 0, 0)
/* clang-format on */
#define KIND(name, size, stride, halves)                                                                               \
    static int64_t depthwise_##name(int64_t rows, const depthwise_tile *t, float *target, int64_t row, int64_t second) \
    {                                                                                                                  \
        return depthwise_some(size, stride, halves, rows, t, target, row, second);                                     \
    }
KINDS(KIND)

/* Which of them: those of squares and halves only for what they are made for. */
static depthwise_compute depthwise_kind(const lcnn_depthwise *u, int64_t width, int *halves)
{
    const int stride = u->stride_w <= 2 ? (int)u->stride_w : 0;
    const int square = u->kernel_h == u->kernel_w && u->stride_h == u->stride_w && stride &&
                       u->dilation_h * u->dilation_w == 1 && (u->kernel_h == 3 || u->kernel_h == 5);
    const int size = square ? (int)u->kernel_h : 0;
    *halves = square && width <= LCNN_WIDTH / 2;
    switch (size * 100 + stride * 10 + *halves) {
#define CASE(name, size, stride, halves) \
    case size * 100 + stride * 10 + halves: return depthwise_##name;
        KINDS(CASE)
#undef CASE
    }
    return depthwise_any_by_any;
}
#undef KIND
#undef KINDS

/* The plane of one filter. */
INLINE void depthwise_filter(const lcnn_call *call, const lcnn_context *context, depthwise_compute compute, int halves,
                             int64_t filter)
{
    const lcnn_depthwise *u = &call->u.depthwise;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    const int64_t rows = halves ? (out->height + 1) / 2 : out->height, down = out->height - rows; /* in halves */
    const float *source =
        context->arena + in->offset + filter / u->filters_of_channel * in->plane - u->top * in->row - u->left;
    float *plane = context->arena + out->offset + filter * out->plane;
    depthwise_tile t = {u,
                        source,
                        u->weights + filter * u->kernel_h * u->kernel_w,
                        in->row,
                        down * u->stride_h * in->row,
                        LCNN_WIDTH,
                        u->bias[filter]};
    for (int64_t x = 0; x < out->width; x += LCNN_WIDTH) {
        t.lanes = min_i64(LCNN_WIDTH, out->width - x);
        for (int64_t y = 0; y < rows;) {
            t.source = source + y * u->stride_h * in->row + x * u->stride_w;
            y += compute(rows - y, &t, plane + y * out->row + x, out->row, down * out->row);
        }
    }
}

static void conv_depthwise(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    int halves;
    const depthwise_compute compute = depthwise_kind(&call->u.depthwise, call->out.width, &halves);
    for (int64_t filter = begin; filter < end; filter++) {
        depthwise_filter(call, context, compute, halves, filter);
        clear_border(&call->out, context->arena, filter);
    }
}
