/* Matrix times vector, for classifiers and for dictionaries on one pixel. Bound by the bandwidth of reading W; after
 * ReLU most inputs are 0 and their rows of W are never read. */

#define DENSE_LANES 8 /* vectors of results in registers */
#define AHEAD 16      /* rows fetched ahead, on Zen 4 the best of 4 to 64: 27 against 18 GB/s from memory, 45 from L3 */

#define PART 1024     /* inputs summed up before they join the result: one sum of 10^5 inputs would lose two digits */

static void nonzeros(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_nonzeros *u = &step->u.nonzeros;
    const float *x = context->arena + step->in[0].offset;
    int32_t *indices = (int32_t *)(context->arena + u->list) + 1;
    float *values = context->arena + u->list + 1 + u->length;
    int32_t count = 0;
    (void)begin, (void)end; /* one unit */
    for (int32_t i = 0; i < u->length; i++) { /* without a branch: about one input a cycle */
        indices[count] = i;
        values[count] = x[i];
        count += x[i] != 0;
    }
    indices[-1] = count;
}

/* out += rows [begin, end) of the list, each weighted by its input. */
INLINE void dense_part(const int lanes, const lcnn_dense *u, const float *weights, const int32_t *indices,
                       const float *values, int32_t begin, int32_t end, int32_t count, float *out)
{
    vf acc[DENSE_LANES];
#pragma GCC unroll 8
    for (int v = 0; v < lanes; v++) acc[v] = vset(0.0f);
    for (int32_t j = begin; j < end; j++) {
        const float *row = weights + indices[j] * u->lanes;
        const float *ahead = weights + indices[j + AHEAD < count ? j + AHEAD : j] * u->lanes;
        const vf x = vset(values[j]);
#pragma GCC unroll 8
        for (int v = 0; v < lanes; v++) {
            if (v * LCNN_WIDTH % 16 == 0) __builtin_prefetch(ahead + v * LCNN_WIDTH, 0, 2); /* second-level cache */
            acc[v] += x * vload(row + v * LCNN_WIDTH);
        }
    }
#pragma GCC unroll 8
    for (int v = 0; v < lanes; v++) vstore(out + v * LCNN_WIDTH, vload(out + v * LCNN_WIDTH) + acc[v]);
}

INLINE void dense_tile(const int lanes, const lcnn_dense *u, const float *arena, int64_t tile, float *out)
{
    const int32_t *indices = (const int32_t *)(arena + u->list) + 1;
    const float *values = arena + u->list + 1 + u->length;
    const float *weights = u->weights + tile * u->length * u->lanes;
    const int32_t count = indices[-1];
    copy_run(out, u->bias + tile * u->lanes, u->lanes);
    for (int32_t begin = 0; begin < count; begin += PART)
        dense_part(lanes, u, weights, indices, values, begin, begin + PART < count ? begin + PART : count, count, out);
    activate_run(out, out, u->lanes, u->activation, u->alpha);
}

static void dense(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_dense *u = &step->u.dense;
    float out[DENSE_LANES * LCNN_WIDTH];
    for (int64_t tile = begin; tile < end; tile++) {
        switch (u->lanes / LCNN_WIDTH) {
#define LANES(n) case n: dense_tile(n, u, context->arena, tile, out); break;
            LANES(1) LANES(2) LANES(3) LANES(4) LANES(5) LANES(6) LANES(7) LANES(8)
#undef LANES
        }
        const int64_t first = tile * u->lanes;
        copy_run(context->arena + u->target + first, out, smaller(u->lanes, u->units - first));
    }
}
