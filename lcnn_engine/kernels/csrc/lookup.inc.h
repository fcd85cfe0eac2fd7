/* The lookup convolution's second half (paper, section 3): gather shifted planes of S, scale, add, activate.
 *
 * The loop is bound by loads, so one tile of pixels stays in registers while the lookups of a filter stream by: one
 * broadcast coefficient and `tile` fused multiply-adds with an unaligned load each. Tiles are the outer loop: the
 * slice of S under a tile is then read by every filter from the first-level cache. Where the slice is larger than that
 * cache, S is cut into blocks of atoms, and the filters' sums wait in scratch between blocks. */

#if LCNN_WIDTH == 16
#define MAX_TILE 13 /* of 32 registers; 13 x 16 pixels hold a padded 13 x 13 picture */
#else
#define MAX_TILE 12 /* of 16 registers */
#endif

/* sums = start + lookups of one filter, `start` being a number for all pixels or, if not NULL, `sums` so far.
 * IN s: S moved to the tile's first pixel. OUT sums: tile * LCNN_WIDTH floats. */
INLINE void lookup_filter(const int tile, const float *s, const int32_t *offsets, const float *coefficients,
                          int64_t lookups, const float *sums_so_far, float bias, float *sums)
{
    vf acc[MAX_TILE];
#pragma GCC unroll 16
    for (int t = 0; t < tile; t++) acc[t] = sums_so_far ? vload(sums_so_far + t * LCNN_WIDTH) : vset(bias);
    for (int64_t j = 0; j < lookups; j++) {
        const float *source = s + offsets[j];
        const vf c = vset(coefficients[j]);
#pragma GCC unroll 16
        for (int t = 0; t < tile; t++) acc[t] += c * vload(source + t * LCNN_WIDTH);
    }
#pragma GCC unroll 16
    for (int t = 0; t < tile; t++) vstore(sums + t * LCNN_WIDTH, acc[t]);
}

/* Copy the columns of the picture out of a flat run of pixels [begin, end) into one plane of the result. */
INLINE void store_rows(const float *flat, int64_t begin, int64_t end, int64_t flat_row, const lcnn_map *out, float *plane)
{
    int64_t y = begin / flat_row, x = begin - y * flat_row, at = begin;
    while (at < end && y < out->height) {
        const int64_t stop = smaller(out->width, x + (end - at));
        if (x < stop) copy_run(plane + y * out->row + x, flat + (at - begin), stop - x);
        at += flat_row - x;
        x = 0;
        y++;
    }
}

/* Lookups of one filter in one block of atoms. */
INLINE void lookup_block(const int tile, const lcnn_lookup *u, const float *s, int64_t block, int64_t o,
                         const float *sums_so_far, float *sums)
{
    const int32_t *range = u->indptr + block * u->filters + o;
    lookup_filter(tile, s, u->offsets + range[0], u->coefficients + range[0], range[1] - range[0], sums_so_far,
                  u->bias[o], sums);
}

INLINE void lookup_filters(const int tile, const lcnn_step *step, const lcnn_context *context, int64_t first_vector,
                           int64_t begin, int64_t end)
{
    const lcnn_lookup *u = &step->u.lookup;
    const int64_t pixel = first_vector * LCNN_WIDTH, size = tile * LCNN_WIDTH, last = u->blocks - 1;
    const float *s = context->arena + u->s + pixel;
    float *waiting = context->scratch; /* (filters of the unit, size) */
    for (int64_t block = 0; block < last; block++)
        for (int64_t o = begin; o < end; o++) {
            float *sums = waiting + (o - begin) * size;
            lookup_block(tile, u, s, block, o, block ? sums : NULL, sums);
        }
    float flat[MAX_TILE * LCNN_WIDTH] __attribute__((aligned(64)));
    for (int64_t o = begin; o < end; o++) {
        lookup_block(tile, u, s, last, o, last ? waiting + (o - begin) * size : NULL, flat);
        activate_run(flat, flat, size, u->activation, u->alpha);
        if (first_vector == 0) clear_border(&step->out, context->arena, o);
        store_rows(flat, pixel, pixel + size, u->s_row, &step->out,
                   context->arena + step->out.offset + o * step->out.plane);
    }
}

static void lookup_tile(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_lookup *u = &step->u.lookup;
    const int64_t groups = (u->filters + u->filters_per_unit - 1) / u->filters_per_unit;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t vector = (unit / groups) * u->tile, filter = (unit % groups) * u->filters_per_unit;
        const int64_t stop = smaller(filter + u->filters_per_unit, u->filters);
        switch (smaller(u->tile, u->vectors - vector)) {
#define TILE(n) case n: lookup_filters(n, step, context, vector, filter, stop); break;
        TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#if MAX_TILE == 13
        TILE(13)
#endif
#undef TILE
        }
    }
}

/* One dot product of gathered values, in four partial sums that hide the latency of the additions. */
INLINE float lookup_dot(const float *s, const int32_t *offsets, const float *coefficients, int64_t lookups, float bias)
{
    float sum[4] = {bias, 0, 0, 0};
    int64_t j = 0;
    for (; j + 4 <= lookups; j += 4)
        for (int p = 0; p < 4; p++) sum[p] += coefficients[j + p] * s[offsets[j + p]];
    for (; j < lookups; j++) sum[0] += coefficients[j] * s[offsets[j]];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* For results of a pixel or a few, where pixels cannot fill a vector. Filters come in the order of their number of
 * lookups, so that the processor foresees where each loop ends, and go to plane `order[o]`. */
static void lookup_gather(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_lookup *u = &step->u.lookup;
    const lcnn_map *out = &step->out;
    const int64_t stop = smaller(end * u->filters_per_unit, u->filters);
    float part[LCNN_WIDTH] = {0};
    for (int64_t first = begin * u->filters_per_unit; first < stop; first += LCNN_WIDTH) {
        const int64_t lanes = smaller(LCNN_WIDTH, stop - first);
        for (int64_t i = 0; i < lanes; i++) clear_border(out, context->arena, u->order[first + i]);
        for (int64_t y = 0; y < out->height; y++)
            for (int64_t x = 0; x < out->width; x++) {
                const float *s = context->arena + u->s + y * u->s_row + x;
                float *target = context->arena + out->offset + y * out->row + x;
                for (int64_t i = 0; i < lanes; i++) {
                    const int32_t j = u->indptr[first + i], lookups = u->indptr[first + i + 1] - j;
                    part[i] = lookup_dot(s, u->offsets + j, u->coefficients + j, lookups, u->bias[first + i]);
                }
                vstore(part, vactivate(vload(part), u->activation, u->alpha));
                for (int64_t i = 0; i < lanes; i++) target[u->order[first + i] * out->plane] = part[i];
            }
    }
}
