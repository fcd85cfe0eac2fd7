/* Matrix times vector, for classifiers and for dictionaries on one pixel. Bound by the bandwidth of reading W; after
 * ReLU most inputs are 0 and their rows of W are never read. Those that are read are read whole, some at a time: pieces of
 * rows come from memory at half the speed of rows. */

#define ROWS 8           /* of W at a time */
#define DENSE_UNIT 128   /* results */
#define NEAR (1 << 21)   /* bytes of W that a shared cache keeps: fetching them ahead takes longer than it saves */
#define MOST_COLUMNS 1024 /* results whose sums stay in the first-level cache */
#define PART 256         /* inputs summed up before they join the result: one sum of 10^5 inputs would lose two digits */

static void nonzeros(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_nonzeros *u = &call->u.nonzeros;
    const float *x = context->arena + call->in[0].offset;
    int32_t *indices = (int32_t *)(context->arena + u->list) + 1;
    float *values = context->arena + u->list + 1 + u->length;
    int32_t count = 0, i = 0;
    (void)begin, (void)end; /* one unit */
#if LCNN_WIDTH == 16
    for (; i + LCNN_WIDTH <= u->length; i += LCNN_WIDTH) /* writes a vector each time, never beyond place i + 16 */
        count += vstore_nonzeros(vload(x + i), lanes_from(i), values + count, indices + count);
#endif
    for (; i < u->length; i++) { /* without a branch: about one input a cycle */
        indices[count] = i;
        values[count] = x[i];
        count += x[i] != 0;
    }
    indices[-1] = count;
}

INLINE vf load_weights(const int halves, const void *row, int64_t column)
{
    return halves ? vload_halves((const uint16_t *)row + column) : vload((const float *)row + column);
}

/* sums[column] += the inputs [at, at + ROWS) of the list times their rows of W; of the last, fewer, are left. `fetch`:
 * the next ones are fetched meanwhile. */
INLINE void dense_rows(const int fetch, const int halves, const lcnn_dense *u, const float *arena, int32_t at, int32_t count,
                       int64_t first, int64_t columns, float *sums)
{
    const int32_t *indices = (const int32_t *)(arena + u->list) + 1;
    const float *values = arena + u->list + 1 + u->length;
    const int64_t bytes = halves ? 2 : 4, line = 64 / bytes;
    const char *row[ROWS], *next[ROWS], *weights = (const char *)u->weights + first * bytes;
    vf x[ROWS];
    for (int r = 0; r < ROWS; r++) {
        const int32_t j = at + r < count ? at + r : count - 1, ahead = j + ROWS < count ? j + ROWS : j;
        row[r] = weights + indices[j] * u->lanes * bytes;
        next[r] = weights + indices[ahead] * u->lanes * bytes;
        x[r] = vset(at + r < count ? values[j] : 0.0f);
    }
    for (int64_t c = 0; c < columns; c += LCNN_WIDTH) {
        vf sum = vload(sums + c);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            if (fetch && c % line == 0) __builtin_prefetch(next[r] + c * bytes, 0, 2); /* second-level cache */
            sum += x[r] * load_weights(halves, row[r], c);
        }
        vstore(sums + c, sum);
    }
}

/* Results [first, first + columns). */
INLINE void dense_columns(const int fetch, const int halves, const lcnn_dense *u, float *arena, int64_t first, int64_t columns)
{
    float total[MOST_COLUMNS] __attribute__((aligned(64))), part[MOST_COLUMNS] __attribute__((aligned(64)));
    const int32_t count = *(const int32_t *)(arena + u->list);
    copy_run(total, u->bias + first, columns);
    for (int32_t begin = 0; begin < count; begin += PART) {
        const int32_t end = begin + PART < count ? begin + PART : count;
        zero_run(part, columns);
        for (int32_t at = begin; at < end; at += ROWS)
            dense_rows(fetch, halves, u, arena, at, end, first, columns, part);
        for (int64_t c = 0; c < columns; c += LCNN_WIDTH) vstore(total + c, vload(total + c) + vload(part + c));
    }
    activate_run(total, total, columns, u->activation, u->alpha);
    copy_run(arena + u->target + first, total, smaller(columns, u->units - first));
}

static void dense(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_dense *u = &call->u.dense;
    const int64_t stop = smaller(end * DENSE_UNIT, u->lanes);
    const int far = u->length * u->lanes * (u->fp16 ? 2 : 4) > NEAR;
    for (int64_t first = begin * DENSE_UNIT; first < stop; first += MOST_COLUMNS) {
        const int64_t columns = smaller(MOST_COLUMNS, stop - first);
        switch (2 * far + (u->fp16 != 0)) {
            case 0: dense_columns(0, 0, u, context->arena, first, columns); break;
            case 1: dense_columns(0, 1, u, context->arena, first, columns); break;
            case 2: dense_columns(1, 0, u, context->arena, first, columns); break;
            case 3: dense_columns(1, 1, u, context->arena, first, columns); break;
        }
    }
}
