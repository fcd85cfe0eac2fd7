/* Matrix times vector, for classifiers and for dictionaries on one pixel. Bound by the bandwidth of reading W; after
 * ReLU most inputs are 0 and their rows of W are never read. */

#define DENSE_LANES 8 /* vectors of results in registers */

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

INLINE void dense_tile(const int lanes, const lcnn_dense *u, const float *arena, int64_t tile, float *out)
{
    const int32_t *indices = (const int32_t *)(arena + u->list) + 1;
    const float *values = arena + u->list + 1 + u->length;
    const float *weights = u->weights + tile * u->length * u->lanes;
    const int32_t count = indices[-1];
    vf acc[DENSE_LANES];
#pragma GCC unroll 8
    for (int v = 0; v < lanes; v++) acc[v] = vload(u->bias + tile * u->lanes + v * LCNN_WIDTH);
    for (int32_t j = 0; j < count; j++) {
        const float *row = weights + indices[j] * u->lanes;
        const float *ahead = weights + indices[j + 8 < count ? j + 8 : j] * u->lanes;
        const vf x = vset(values[j]);
#pragma GCC unroll 8
        for (int v = 0; v < lanes; v++) {
            if (v * LCNN_WIDTH % 16 == 0) __builtin_prefetch(ahead + v * LCNN_WIDTH);
            acc[v] += x * vload(row + v * LCNN_WIDTH);
        }
    }
#pragma GCC unroll 8
    for (int v = 0; v < lanes; v++) vstore(out + v * LCNN_WIDTH, vactivate(acc[v], u->activation, u->alpha));
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
