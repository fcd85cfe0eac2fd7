/* Dense convolution of large images with few values in a window: pixels lie across vector lanes, filters are broadcast.
 *
 * The windows of a tile of pixels are first brought together in scratch, (taps, PATCH_PIXELS): a short or strided row
 * becomes part of a run. Where they are one run in the image, they stay there. All filters then read them from the
 * first-level cache, and results leave as rows, spread over the time of the arithmetic; conv.inc.h has to transpose
 * them, and writes them to memory all at once. */

#include "calls.h"
#include "simd/borders.h"
#include "simd/masks.h"
#include "simd/mathematics.h"
#include "simd/runs.h"
#include "simd/shuffles.h"
#include "simd/strided.h"
#include "simd/vectors.h"

#if LCNN_REGISTERS >= 32
#define PATCH_VECTORS 3
#define PATCH_FILTERS 8 /* 3 x 8 sums, 3 vectors of pixels and a broadcast in 32 registers */
#else
#define PATCH_VECTORS 2
#define PATCH_FILTERS 6 /* 2 x 6 sums, 2 vectors of pixels and a broadcast in 16 registers */
#endif
#define PATCH_PIXELS (PATCH_VECTORS * LCNN_WIDTH)

/* `lanes` pixels of one row, at most a vector: which of the tile they are, and where they lie in a plane. */
typedef struct {
    int64_t at, lanes, offset;
} patch_run;

/* Pixels [first, first + count) of rows of `width`, which lie `down` and `right` apart; the number of runs. */
INLINE int64_t patch_split(int64_t first, int64_t count, int64_t width, int64_t down, int64_t right, patch_run *runs)
{
    int64_t number = 0, y = first / width, x = first % width;
    for (int64_t at = 0; at < count; number++) {
        const int64_t lanes = min_i64(LCNN_WIDTH, min_i64(count - at, width - x));
        runs[number] = (patch_run){at, lanes, y * down + x * right};
        at += lanes;
        x += lanes;
        if (x == width) x = 0, y++;
    }
    return number;
}

/* Lanes behind a run's end are written over by the next run, but for those of the next tap. */
INLINE void patch_put(float *patch, const patch_run *run, vf v)
{
    if (run->at + LCNN_WIDTH <= PATCH_PIXELS) vstore(patch + run->at, v);
    else vstore_part(patch + run->at, v, PATCH_PIXELS - run->at);
}

/* patches (taps, PATCH_PIXELS): what each tap sees from the pixels of `runs`. Of taps side by side at stride 2, one
 * sees the even and the other the odd lanes of the same vectors. */
INLINE void patch_gather(const int stride, const lcnn_conv *u, const float *source, const patch_run *runs,
                         int64_t number, int64_t taps, float *patches)
{
    for (int64_t t = 0, together; t < taps; t += together, patches += together * PATCH_PIXELS) {
        const float *tap = source + u->offsets[t];
        together = stride == 2 && t + 1 < taps && u->offsets[t + 1] == u->offsets[t] + 1 ? 2 : 1;
        for (const patch_run *run = runs; run < runs + number; run++) {
            const float *in = tap + run->offset;
            if (stride == 1) patch_put(patches, run, vload(in));
            else if (stride == 2) {
                const vf low = vload(in), high = vload(in + LCNN_WIDTH);
                patch_put(patches, run, even_lanes(low, high));
                if (together == 2) patch_put(patches + PATCH_PIXELS, run, odd_lanes(low, high));
            } else strided_run(patches + run->at, in, run->lanes, u->stride_w);
        }
    }
}

/* With a loop for each stride that is usual. */
static void patch_gather_any(const lcnn_conv *u, const float *source, const patch_run *runs, int64_t number,
                             int64_t taps, float *patches)
{
    switch (u->stride_w) {
    case 1: patch_gather(1, u, source, runs, number, taps, patches); break;
    case 2: patch_gather(2, u, source, runs, number, taps, patches); break;
    default: patch_gather(0, u, source, runs, number, taps, patches);
    }
}

/* sums = those of PATCH_FILTERS filters over taps [first, last), and what each starts as. `in_place`: `patches` is the
 * image. */
INLINE void patch_sums(const int vectors, const int in_place, const lcnn_conv *u, const float *patches,
                       const float *weights, int64_t first, int64_t last, const float *starts,
                       vf sums[PATCH_FILTERS][PATCH_VECTORS])
{
#pragma GCC unroll 8
    for (int f = 0; f < PATCH_FILTERS; f++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sums[f][v] = starts ? vset(starts[f]) : vset(0.0f);
    weights += first * PATCH_FILTERS;
    for (int64_t t = first; t < last; t++, weights += PATCH_FILTERS) {
        const float *tap = patches + (in_place ? u->offsets[t] : t * PATCH_PIXELS);
        vf x[PATCH_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) x[v] = vload(tap + v * LCNN_WIDTH);
#pragma GCC unroll 8
        for (int f = 0; f < PATCH_FILTERS; f++) {
            const vf w = vset(weights[f]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sums[f][v] += w * x[v];
        }
    }
}

/* The same over more taps than SUM_TAPS, so many at a time. */
INLINE void patch_long_sums(const int vectors, const int in_place, const lcnn_conv *u, const float *patches,
                            const float *weights, int64_t taps, const float *bias,
                            vf sums[PATCH_FILTERS][PATCH_VECTORS])
{
    patch_sums(vectors, in_place, u, patches, weights, 0, SUM_TAPS, bias, sums);
    for (int64_t first = SUM_TAPS; first < taps; first += SUM_TAPS) {
        vf more[PATCH_FILTERS][PATCH_VECTORS];
        patch_sums(vectors, in_place, u, patches, weights, first, min_i64(taps, first + SUM_TAPS), 0, more);
#pragma GCC unroll 8
        for (int f = 0; f < PATCH_FILTERS; f++)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sums[f][v] += more[f][v];
    }
}

/* Write the sums of `filters` filters, activated, to their planes, where `runs` of the result are. */
INLINE void patch_store(const int vectors, const lcnn_conv *u, vf sums[PATCH_FILTERS][PATCH_VECTORS], int64_t filters,
                        const patch_run *runs, int64_t number, const lcnn_map *out, float *planes)
{
#pragma GCC unroll 8
    for (int f = 0; f < PATCH_FILTERS; f++) vactivate_all(vectors, sums[f], u->activation, u->alpha);
    const patch_run *last = runs + number - 1;
    if (filters == PATCH_FILTERS && number == vectors && last->at + last->lanes == vectors * LCNN_WIDTH) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
#pragma GCC unroll 8
            for (int f = 0; f < PATCH_FILTERS; f++) vstore(planes + f * out->plane + runs[v].offset, sums[f][v]);
        return;
    }
    float flat[PATCH_FILTERS][PATCH_PIXELS + LCNN_WIDTH];
#pragma GCC unroll 8
    for (int f = 0; f < PATCH_FILTERS; f++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) vstore(flat[f] + v * LCNN_WIDTH, sums[f][v]);
    for (const patch_run *run = runs; run <= last; run++) {
        const lanes_mask mask = first_lanes(run->lanes);
        for (int64_t f = 0; f < filters; f++)
            vstore_masked(planes + f * out->plane + run->offset, vload(flat[f] + run->at), mask);
    }
}

#define PATCH_FEW_TAPS 32 /* with no more, results come faster than the lines that they are written to */

/* Bring the lines of PATCH_FILTERS planes where a tile's results will be written. */
INLINE void patch_prefetch(const int vectors, const lcnn_map *out, const float *planes)
{
    for (int64_t f = 0; f < PATCH_FILTERS; f++)
        for (int v = 0; v < vectors; v++) __builtin_prefetch(planes + f * out->plane + v * LCNN_WIDTH, 1);
}

/* All filters of a group at `vectors` vectors of pixels. */
INLINE void patch_filters(const int vectors, const int in_place, const lcnn_conv *u, const float *patches,
                          int64_t group, const patch_run *runs, int64_t number, const lcnn_map *out, float *planes)
{
    const int64_t taps = u->group_channels * u->taps;
    for (int64_t block = 0; block < u->blocks; block++) {
        const int64_t filter = block * PATCH_FILTERS, index = group * u->blocks + block;
        const int64_t filters = min_i64(PATCH_FILTERS, u->group_filters - filter);
        const float *weights = u->weights + index * taps * PATCH_FILTERS, *bias = u->bias + index * PATCH_FILTERS;
        float *out_planes = planes + filter * out->plane;
        vf sums[PATCH_FILTERS][PATCH_VECTORS];
        if (taps <= PATCH_FEW_TAPS && filter + 2 * PATCH_FILTERS <= u->group_filters)
            patch_prefetch(vectors, out, planes + (filter + PATCH_FILTERS) * out->plane + runs->offset);
        if (taps <= SUM_TAPS) { /* apart from the others: so these sums stay in registers to the end */
            patch_sums(vectors, in_place, u, patches, weights, 0, taps, bias, sums);
            patch_store(vectors, u, sums, filters, runs, number, out, out_planes);
        } else {
            patch_long_sums(vectors, in_place, u, patches, weights, taps, bias, sums);
            patch_store(vectors, u, sums, filters, runs, number, out, out_planes);
        }
    }
}

/* Pixels [first, first + count) of a group. */
static void patch_tile(const lcnn_call *call, const lcnn_context *context, int64_t group, int64_t first, int64_t count)
{
    const lcnn_conv *u = &call->u.conv;
    const lcnn_map *in = &call->in[0], *out = &call->out;
    const int64_t taps = u->group_channels * u->taps;
    const float *source =
        context->arena + in->offset + group * u->group_channels * in->plane - u->top * in->row - u->left;
    float *planes = context->arena + out->offset + group * u->group_filters * out->plane;
    patch_run runs[PATCH_PIXELS];
    int64_t number = patch_split(first, count, out->width, u->stride_h * in->row, u->stride_w, runs);
    const patch_run *last = runs + number - 1;
    const int in_place = u->stride_w == 1 && last->offset - runs->offset == last->at; /* one run as it lies */
    const float *patches = in_place ? source + runs->offset : context->scratch;
    if (!in_place) patch_gather_any(u, source, runs, number, taps, context->scratch);
    const int64_t row = out->row == out->width ? out->width * out->height : out->width; /* rows that touch are one */
    number = patch_split(first, count, row, out->row, 1, runs);
    switch ((count + LCNN_WIDTH - 1) / LCNN_WIDTH * 2 + in_place) {
#define CASE(vectors, in_place) \
    case 2 * vectors + in_place: patch_filters(vectors, in_place, u, patches, group, runs, number, out, planes); break;
        /* clang-format off */
        CASE(1, 0) CASE(1, 1) CASE(2, 0) CASE(2, 1)
#if PATCH_VECTORS == 3
        CASE(3, 0) CASE(3, 1)
#endif
        /* clang-format on */
#undef CASE
    }
}

static void conv_patches(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_conv *u = &call->u.conv;
    const lcnn_map *out = &call->out;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t chunk = unit % u->pixel_chunks, group = unit / u->pixel_chunks, first = chunk * PATCH_PIXELS;
        for (int64_t o = 0; chunk == 0 && o < u->group_filters; o++)
            clear_border(out, context->arena, group * u->group_filters + o);
        patch_tile(call, context, group, first, min_i64(PATCH_PIXELS, out->height * out->width - first));
    }
}
