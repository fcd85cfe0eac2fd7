/* Matrix times vector in int8, otherwise as dense.inc.h has it: rows of W are bytes, four of which are brought side by
 * side as they are read, so that rows of inputs that are 0 are still passed over. */

#include "calls.h"
#include "simd/int8.h"
#include "simd/mathematics.h"
#include "simd/runs.h"
#include "simd/vectors.h"

#define DENSE_INT8_ROWS 8           /* of W at a time: two words of inputs */
#define DENSE_INT8_CACHED (1 << 20) /* bytes of W that need no prefetching, as in dense.inc.h */
#define DENSE_INT8_COLUMNS 2048     /* results whose sums stay in the first-level cache; a multiple of 4 vectors */

/* Where one of the integers stands for something below 0, none of them counts for nothing: all are listed. */
static void nonzeros_int8(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_nonzeros_int8 *u = &call->u.nonzeros_int8;
    const float *x = context->arena + call->in[0].offset;
    int32_t *indices = (int32_t *)(context->arena + u->list) + 1;
    float *values = context->arena + u->list + 1 + u->length, inverse, numbers[LCNN_WIDTH];
    const int8_range range = range_of_parts(context->arena + u->parts, u->count, &inverse);
    int32_t count = 0;
    (void)begin, (void)end; /* one unit */
    context->arena[u->range] = range.scale;
    context->arena[u->range + 1] = range.zero;
    for (int32_t i = 0; i < u->length; i += LCNN_WIDTH) {
        const int32_t lanes = (int32_t)min_i64(LCNN_WIDTH, u->length - i);
        const vf v = vfloat(vquantize(vload_part(x + i, lanes), range, inverse));
#if LCNN_HAS_COMPRESS
        if (lanes == LCNN_WIDTH && range.zero == 0) {
            count += vstore_nonzeros(v, lanes_from(i), values + count, indices + count);
            continue;
        }
#endif
        vstore(numbers, v);
        for (int32_t lane = 0; lane < lanes; lane++) {
            indices[count] = i + lane;
            values[count] = numbers[lane];
            count += numbers[lane] != 0 || range.zero != 0;
        }
    }
    indices[-1] = count;
}

/* sums[column] += the inputs [at, at + DENSE_INT8_ROWS) of the list times their rows of W; of the last, fewer, are
 * left. */
INLINE void dense_rows_int8(const int prefetch, const lcnn_dense_int8 *u, const float *arena, int32_t at, int32_t count,
                            int64_t first, int64_t columns, float *sums)
{
    const int32_t *indices = (const int32_t *)(arena + u->list) + 1;
    const float *values = arena + u->list + 1 + u->length;
    const int8_t *row[DENSE_INT8_ROWS], *next[DENSE_INT8_ROWS], *weights = (const int8_t *)u->weights + first;
    uint32_t words[2] = {0, 0};
    for (int r = 0; r < DENSE_INT8_ROWS; r++) {
        const int32_t j = at + r < count ? at + r : count - 1,
                      ahead = j + DENSE_INT8_ROWS < count ? j + DENSE_INT8_ROWS : j;
        row[r] = weights + indices[j] * u->lanes;
        next[r] = weights + indices[ahead] * u->lanes;
        if (at + r < count) words[r / 4] |= (uint32_t)values[j] << 8 * (r % 4);
    }
    const vi low = (vi){0} + (int32_t)words[0], high = (vi){0} + (int32_t)words[1];
    for (int64_t c = 0; c < columns; c += 4 * LCNN_WIDTH) {
        vi sum[4];
        for (int v = 0; v < 4; v++) sum[v] = vload_words(sums + c + v * LCNN_WIDTH);
        if (prefetch && c % 64 == 0)
            for (int r = 0; r < DENSE_INT8_ROWS; r++) __builtin_prefetch(next[r] + c, 0, 2); /* second-level cache */
        vdot_rows_int8(sum, low, row, c);
        vdot_rows_int8(sum, high, row + 4, c);
        for (int v = 0; v < 4; v++) vstore_words(sums + c + v * LCNN_WIDTH, sum[v]);
    }
}

/* Results [first, first + columns). */
INLINE void dense_columns_int8(const int prefetch, const lcnn_dense_int8 *u, float *arena, int64_t first,
                               int64_t columns)
{
    float sums[DENSE_INT8_COLUMNS] __attribute__((aligned(64)));
    const int32_t count = *(const int32_t *)(arena + u->list);
    const vf scale = vset(arena[u->range]);
    const vi zero = vround(vset(arena[u->range + 1]));
    zero_run(sums, columns);
    for (int32_t at = 0; at < count; at += DENSE_INT8_ROWS)
        dense_rows_int8(prefetch, u, arena, at, count, first, columns, sums);
    for (int64_t c = 0; c < columns; c += 4 * LCNN_WIDTH) {
        vi sum[4];
        for (int v = 0; v < 4; v++) sum[v] = vload_words(sums + c + v * LCNN_WIDTH);
        vorder_rows_int8(sum);
        for (int v = 0; v < 4; v++) {
            const int64_t at = c + v * LCNN_WIDTH, column = first + at;
            const vi less = sum[v] - zero * *(const vi_unaligned *)(u->sums + column);
            vstore(sums + at, vfloat(less) * (scale * vload(u->scales + column)) + vload(u->bias + column));
        }
    }
    activate_run(sums, sums, columns, u->activation, u->alpha);
    copy_run(arena + u->target + first, sums, min_i64(columns, u->units - first));
}

static void dense_int8(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_dense_int8 *u = &call->u.dense_int8;
    const int64_t stop = min_i64(end * u->per_unit, u->lanes);
    const int far = u->length * u->lanes > DENSE_INT8_CACHED;
    for (int64_t first = begin * u->per_unit; first < stop; first += DENSE_INT8_COLUMNS) {
        const int64_t columns = min_i64(DENSE_INT8_COLUMNS, stop - first);
        if (far) dense_columns_int8(1, u, context->arena, first, columns);
        else dense_columns_int8(0, u, context->arena, first, columns);
    }
}
