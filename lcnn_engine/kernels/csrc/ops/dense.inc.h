/* Matrix times vector, for classifiers and for dictionaries on one pixel. Bound by the bandwidth of reading W; after
 * ReLU most inputs are 0 and their rows of W are never read. Those that are read are read whole, some at a time: pieces
 * of rows come from memory at half the speed of rows. */

#include "calls.h"
#include "simd/bfloat16.h"
#include "simd/mathematics.h"
#include "simd/runs.h"
#include "simd/vectors.h"

#define DENSE_ROWS 8           /* of W at a time */
#define DENSE_UNIT 128         /* results */
#define DENSE_CACHED (1 << 21) /* bytes of W that a shared cache keeps: prefetching them takes longer than it saves */
#define DENSE_MAX_COLUMNS 1024 /* results whose sums stay in the first-level cache */
#define DENSE_PART 256         /* inputs summed up before they join the result: a sum of 10^5 would lose two digits */

static void nonzeros(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_nonzeros *u = &call->u.nonzeros;
    const float *x = context->arena + call->in[0].offset;
    int32_t *indices = (int32_t *)(context->arena + u->list) + 1;
    float *values = context->arena + u->list + 1 + u->length;
    int32_t count = 0, i = 0;
    (void)begin, (void)end; /* one unit */
#if LCNN_HAS_COMPRESS
    for (; i + LCNN_WIDTH <= u->length; i += LCNN_WIDTH) /* writes whole vectors, never beyond i + LCNN_WIDTH */
        count += vstore_nonzeros(vload(x + i), lanes_from(i), values + count, indices + count);
#endif
    for (; i < u->length; i++) { /* without a branch: about one input a cycle */
        indices[count] = i;
        values[count] = x[i];
        count += x[i] != 0;
    }
    indices[-1] = count;
}

typedef enum { DENSE_FLOATS, DENSE_FP16, DENSE_BF16 } dense_weights;

INLINE vf load_weights(const dense_weights kind, const void *row, int64_t column)
{
    return kind == DENSE_FP16 ? vload_fp16((const uint16_t *)row + column) : vload((const float *)row + column);
}

/* sums[column] += the inputs [at, at + DENSE_ROWS) of the list times their rows of W; of the last, fewer, are left.
 * `prefetch`: the next ones come into the cache meanwhile. */
INLINE void dense_rows(const int prefetch, const dense_weights kind, const lcnn_dense *u, const float *arena,
                       int32_t at, int32_t count, int64_t first, int64_t columns, float *sums)
{
    const int32_t *indices = (const int32_t *)(arena + u->list) + 1;
    const float *values = arena + u->list + 1 + u->length;
    const int64_t bytes = kind == DENSE_FLOATS ? 4 : 2, line = 64 / bytes;
    const char *row[DENSE_ROWS], *next[DENSE_ROWS], *weights = (const char *)u->weights + first * bytes;
    vf x[DENSE_ROWS];
    for (int r = 0; r < DENSE_ROWS; r++) {
        const int32_t j = at + r < count ? at + r : count - 1, ahead = j + DENSE_ROWS < count ? j + DENSE_ROWS : j;
        row[r] = weights + indices[j] * u->lanes * bytes;
        next[r] = weights + indices[ahead] * u->lanes * bytes;
        x[r] = vset(at + r < count ? values[j] : 0.0f);
    }
    vi pairs[DENSE_ROWS / 2];
    for (int r = 0; kind == DENSE_BF16 && r < DENSE_ROWS; r += 2) pairs[r / 2] = vpair_bf16(x[r], x[r + 1]);
    for (int64_t c = 0; c < columns; c += LCNN_WIDTH) {
        vf sum = vload(sums + c);
#pragma GCC unroll 8
        for (int r = 0; r < DENSE_ROWS; r++) {
            if (prefetch && c % line == 0) __builtin_prefetch(next[r] + c * bytes, 0, 2); /* second-level cache */
            if (kind != DENSE_BF16) sum += x[r] * load_weights(kind, row[r], c);
            else if (r % 2)
                sum = vdot_bf16(sum, pairs[r / 2],
                                vload_pairs((const uint16_t *)row[r - 1] + c, (const uint16_t *)row[r] + c));
        }
        vstore(sums + c, sum);
    }
}

/* Results [first, first + columns). */
INLINE void dense_columns(const int prefetch, const dense_weights kind, const lcnn_dense *u, float *arena,
                          int64_t first, int64_t columns)
{
    float total[DENSE_MAX_COLUMNS] __attribute__((aligned(64))), part[DENSE_MAX_COLUMNS] __attribute__((aligned(64)));
    const int32_t count = *(const int32_t *)(arena + u->list);
    copy_run(total, u->bias + first, columns);
    for (int32_t begin = 0; begin < count; begin += DENSE_PART) {
        const int32_t end = begin + DENSE_PART < count ? begin + DENSE_PART : count;
        zero_run(part, columns);
        for (int32_t at = begin; at < end; at += DENSE_ROWS)
            dense_rows(prefetch, kind, u, arena, at, end, first, columns, part);
        for (int64_t c = 0; c < columns; c += LCNN_WIDTH) vstore(total + c, vload(total + c) + vload(part + c));
    }
    activate_run(total, total, columns, u->activation, u->alpha);
    copy_run(arena + u->target + first, total, min_i64(columns, u->units - first));
}

INLINE void dense_units(const dense_weights kind, const lcnn_dense *u, float *arena, int64_t begin, int64_t end)
{
    const int64_t stop = min_i64(end * DENSE_UNIT, u->lanes);
    const int far = u->length * u->lanes * (kind == DENSE_FLOATS ? 4 : 2) > DENSE_CACHED;
    for (int64_t first = begin * DENSE_UNIT; first < stop; first += DENSE_MAX_COLUMNS) {
        const int64_t columns = min_i64(DENSE_MAX_COLUMNS, stop - first);
        if (far) dense_columns(1, kind, u, arena, first, columns);
        else dense_columns(0, kind, u, arena, first, columns);
    }
}

static void dense(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_dense *u = &call->u.dense;
    if (u->fp16) dense_units(DENSE_FP16, u, context->arena, begin, end);
    else dense_units(DENSE_FLOATS, u, context->arena, begin, end);
}

static void dense_bf16(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    dense_units(DENSE_BF16, &call->u.dense, context->arena, begin, end);
}
