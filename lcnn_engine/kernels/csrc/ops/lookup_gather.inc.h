/* The lookup convolution's second half for results of a pixel or a few, where pixels cannot fill a vector: lanes are
 * filters. Those of a unit come, block by block, in the order of their number of lookups, so that the lanes of a vector
 * have nearly the same (calls.h says how they lie). */

#include "calls.h"
#include "simd/borders.h"
#include "simd/mathematics.h"
#include "simd/vectors.h"

#define PREFETCH_DISTANCE 512 /* lookups */

/* The lookups of LCNN_WIDTH rows, one row a lane: as many as the first has, then what the others have more. */
INLINE vf lookup_lanes(const lcnn_lookup *u, const float *s, int64_t row)
{
    const int32_t *indptr = u->indptr + row;
    const int32_t common = indptr[1] - indptr[0];
    const int32_t *offsets = u->offsets + indptr[0];
    const float *coefficients = u->coefficients + indptr[0];
    vf sum = vset(0.0f), other = sum; /* two, to hide the latency of the additions */
    int32_t j = 0;
    for (; j + 2 <= common; j += 2, offsets += 2 * LCNN_WIDTH, coefficients += 2 * LCNN_WIDTH) {
        for (int line = 0; line < 2 * LCNN_WIDTH; line += LCNN_LINE) { /* the processor's own ends at each page */
            __builtin_prefetch(offsets + PREFETCH_DISTANCE + line);
            __builtin_prefetch(coefficients + PREFETCH_DISTANCE + line);
        }
        sum += vload(coefficients) * vgather(s, offsets);
        other += vload(coefficients + LCNN_WIDTH) * vgather(s, offsets + LCNN_WIDTH);
    }
    if (j < common) {
        sum += vload(coefficients) * vgather(s, offsets);
        offsets += LCNN_WIDTH, coefficients += LCNN_WIDTH;
    }
    sum += other;
    for (int lane = 0; lane < LCNN_WIDTH; lane++)
        for (int32_t more = indptr[lane + 1] - indptr[lane] - common; more > 0; more--)
            sum[lane] += *coefficients++ * s[*offsets++];
    return sum;
}

/* The same for the last rows, fewer than a vector, whose lookups come one row after the other. */
INLINE vf lookup_rest(const lcnn_lookup *u, const float *s, int64_t row, int64_t rows)
{
    vf sum = vset(0.0f);
    for (int64_t lane = 0; lane < rows; lane++)
        for (int32_t j = u->indptr[row + lane]; j < u->indptr[row + lane + 1]; j++)
            sum[lane] += u->coefficients[j] * s[u->offsets[j]];
    return sum;
}

/* The filters of `rows` rows from `row` on at one pixel; `partial`: blocks before have left sums there. */
INLINE void lookup_rows(const lcnn_lookup *u, const float *s, float *target, int64_t plane, int64_t row, int64_t rows,
                        int partial, int last)
{
    const int32_t *order = u->order + row;
    const float *before = partial ? target : u->bias;
    const int64_t stride = partial ? plane : 1;
    vf sum = rows == LCNN_WIDTH ? lookup_lanes(u, s, row) : lookup_rest(u, s, row, rows);
    if (rows == LCNN_WIDTH && stride == 1) sum += vgather(before, order);
    else
        for (int64_t lane = 0; lane < rows; lane++) sum[lane] += before[order[lane] * stride];
    if (last) sum = vactivate(sum, u->activation, u->alpha);
    for (int64_t lane = 0; lane < rows; lane++) target[order[lane] * plane] = sum[lane];
}

/* A unit at one pixel: block by block, so that a slice of S serves all its filters. */
INLINE void lookup_pixel(const lcnn_lookup *u, const float *s, float *target, int64_t plane, int64_t first,
                         int64_t filters)
{
    int64_t row = u->blocks * first;
    for (int64_t block = 0; block < u->blocks; block++, row += filters)
        for (int64_t i = 0; i < filters; i += LCNN_WIDTH)
            lookup_rows(u, s, target, plane, row + i, min_i64(LCNN_WIDTH, filters - i), block > 0,
                        block + 1 == u->blocks);
}

static void lookup_gather(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_lookup *u = &call->u.lookup;
    const lcnn_map *out = &call->out;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit * u->filters_per_unit, filters = min_i64(u->filters_per_unit, u->filters - first);
        const int32_t *order = u->order + u->blocks * first; /* of its first block: each of its filters once */
        for (int64_t i = 0; i < filters; i++) clear_border(out, context->arena, order[i]);
        for (int64_t y = 0; y < out->height; y++)
            for (int64_t x = 0; x < out->width; x++)
                lookup_pixel(u, context->arena + u->s + y * u->s_row + x,
                             context->arena + out->offset + y * out->row + x, out->plane, first, filters);
    }
}
