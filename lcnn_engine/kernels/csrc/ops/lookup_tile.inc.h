/* The lookup convolution's second half (paper, section 3): gather shifted planes of S, scale, add, activate.
 *
 * The loop is bound by loads, so one tile of pixels stays in registers while the lookups of a filter stream by: one
 * broadcast coefficient and `tile` fused multiply-adds with a load each. Tiles are the outer loop: the slice of S under
 * a tile is then read by every filter from the nearest cache. Where the slice is larger than that cache, S is split
 * into blocks of atoms, and the filters' partial sums stay in scratch between blocks.
 *
 * A load that straddles two cache lines takes twice the time, and 15 of 16 do. So lookups may come sorted by alignment,
 * the position within a line where they begin: with the registers moved to it, every load is aligned. From one
 * alignment to the next the sums move through the registers by some lanes, and one more register takes what leaves the
 * tile, where that are pixels of the image: maps of 7x7, 13x13 and 14x14 leave lanes enough in the last one. */

#include "calls.h"
#include "simd/borders.h"
#include "simd/masks.h"
#include "simd/mathematics.h"
#include "simd/runs.h"
#include "simd/vectors.h"

#if LCNN_REGISTERS >= 32
#define MAX_TILE 26 /* one more for the shifts, coefficient and shift beside them */
#else
#define MAX_TILE 12
#endif

/* acc += lookups, `vectors` of them at once. IN s: S moved to the tile's first pixel. */
INLINE void lookup_run(const int vectors, const float *s, const int32_t *offsets, const float *coefficients,
                       int64_t lookups, vf *acc)
{
    for (int64_t j = 0; j < lookups; j++) {
        const float *source = s + offsets[j];
        const vf c = vset(coefficients[j]);
#pragma GCC unroll 32
        for (int t = 0; t < vectors; t++) acc[t] += c * vload(source + t * LCNN_WIDTH);
    }
}

#if LCNN_LOOKUPS_BY_ALIGNMENT
/* The same by alignment, the one of the maximal shift first: pixel p is at p + shift of acc. */
INLINE void lookup_alignments(const int vectors, const lcnn_lookup *u, const float *s, const int32_t *range, vf *acc)
{
    for (int64_t alignment = 0;; range++) {
        lookup_run(vectors, s, u->offsets + range[0], u->coefficients + range[0], range[1] - range[0], acc);
        if (++alignment == u->alignments) return;
        const vi lanes = lanes_from(u->shifts[alignment - 1] - u->shifts[alignment]);
#pragma GCC unroll 32
        for (int t = 0; t < vectors; t++) acc[t] = vpermute(acc[t], acc[t + 1 < vectors ? t + 1 : t], lanes);
    }
}
#else
INLINE void lookup_alignments(const int vectors, const lcnn_lookup *u, const float *s, const int32_t *range, vf *acc)
{
    (void)vectors, (void)u, (void)s, (void)range, (void)acc; /* plans for these variants know one alignment */
}
#endif

/* Copy the columns of the image out of a flat run of pixels [begin, end) into one plane of the result. */
INLINE void store_rows(const float *flat, int64_t begin, int64_t end, int64_t flat_row, const lcnn_map *out,
                       float *plane)
{
    int64_t y = begin / flat_row, x = begin - y * flat_row, at = begin;
    while (at < end && y < out->height) {
        const int64_t stop = min_i64(out->width, x + (end - at));
        if (x < stop) copy_run(plane + y * out->row + x, flat + (at - begin), stop - x);
        at += flat_row - x;
        x = 0;
        y++;
    }
}

/* What a tile's filters have in common. */
typedef struct {
    const lcnn_lookup *u;
    const lcnn_map *out;
    const float *s;        /* at the tile's first pixel */
    float *planes;         /* the result's first pixel */
    int64_t pixel, pixels; /* first of the tile; all of the result */
} lookup_position;

/* The plane of filter o, where the call computes but some. */
INLINE int64_t plane_of_filter(const lcnn_lookup *u, int64_t o) { return u->order ? u->order[o] : o; }

/* Sums become results. Where `mask` says which lanes are columns of the image, rows of the result are as long as those
 * of S: the run is stored as it is, with zeros, the border, between the columns. */
INLINE void lookup_store(const int tile, const lookup_position *at, int64_t o, const vf *acc)
{
    const lcnn_lookup *u = at->u;
    float *plane = at->planes + plane_of_filter(u, o) * at->out->plane;
    const vi_unaligned *mask = (const vi_unaligned *)(u->mask + at->pixel);
    const int64_t size = min_i64(tile * LCNN_WIDTH, at->pixels - at->pixel);
    const int64_t rest = size - (tile - 1) * LCNN_WIDTH; /* lanes of the last vector */
    if (u->mask && rest > 0 && u->activation <= LCNN_ACT_relu) {
        float *q = plane + at->pixel;
#pragma GCC unroll 32
        for (int t = 0; t < tile; t++, q += LCNN_WIDTH) {
            const vf y = u->activation == LCNN_ACT_relu ? vmax(vset(0.0f), acc[t]) : acc[t];
            const vf kept = (vf)((vi)y & mask[t]);
            if (t + 1 < tile) vstore(q, kept);
            else vstore_masked(q, kept, first_lanes(rest));
        }
        return;
    }
    float flat[MAX_TILE * LCNN_WIDTH] __attribute__((aligned(64)));
#pragma GCC unroll 32
    for (int t = 0; t < tile; t++) vstore(flat + t * LCNN_WIDTH, acc[t]);
    activate_run(flat, flat, size, u->activation, u->alpha);
    if (u->mask) {
        for (int t = 0; t < tile; t++) vstore(flat + t * LCNN_WIDTH, (vf)((vi)vload(flat + t * LCNN_WIDTH) & mask[t]));
        copy_run(plane + at->pixel, flat, size);
    } else {
        store_rows(flat, at->pixel, at->pixel + size, u->s_row, at->out, plane);
    }
}

/* One filter in one block of atoms. IN partial: its sums of the blocks before, or NULL for the bias. */
INLINE void lookup_block(const int vectors, const int by_alignment, const lookup_position *at, int64_t block, int64_t o,
                         const float *partial, vf *acc)
{
    const lcnn_lookup *u = at->u;
    const int32_t *range = u->indptr + (block * u->filters + o) * u->alignments;
    if (partial && by_alignment) partial -= u->shifts[0];
#pragma GCC unroll 32
    for (int t = 0; t < vectors; t++) acc[t] = partial ? vload(partial + t * LCNN_WIDTH) : vset(u->bias[o]);
    if (by_alignment) lookup_alignments(vectors, u, at->s, range, acc);
    else lookup_run(vectors, at->s, u->offsets + range[0], u->coefficients + range[0], range[1] - range[0], acc);
}

/* `vectors`: tile, or tile + 1 where what moves out of the tile are pixels. */
INLINE void lookup_filters(const int tile, const int vectors, const int by_alignment, const lookup_position *at,
                           float *scratch, int64_t begin, int64_t end)
{
    const int64_t last = at->u->blocks - 1, size = tile * LCNN_WIDTH;
    float *partial = scratch + LCNN_WIDTH - begin * size; /* (filters, size), room for a shift around them */
    vf acc[MAX_TILE + 1];
    for (int64_t block = 0; block < last; block++)
        for (int64_t o = begin; o < end; o++) {
            lookup_block(vectors, by_alignment, at, block, o, block ? partial + o * size : NULL, acc);
#pragma GCC unroll 32
            for (int t = 0; t < tile; t++) vstore(partial + o * size + t * LCNN_WIDTH, acc[t]);
        }
    for (int64_t o = begin; o < end; o++) {
        lookup_block(vectors, by_alignment, at, last, o, last ? partial + o * size : NULL, acc);
        lookup_store(tile, at, o, acc);
    }
}

/* The border that `lookup_store` leaves alone. */
static void lookup_borders(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    for (int64_t o = begin; o < end; o++) {
        const int64_t plane = plane_of_filter(&call->u.lookup, o);
        if (call->u.lookup.mask) clear_top_and_bottom(&call->out, context->arena, plane);
        else clear_border(&call->out, context->arena, plane);
    }
}

/* `tile` vectors of pixels for filters [begin, end). Large tiles come in even sizes alone: for an odd one, one less. */
static int64_t lookup_part(const lookup_position *at, int64_t tile, float *scratch, int64_t begin, int64_t end)
{
    if (tile > LCNN_LARGE_TILE) tile -= tile % 2;
    const int64_t moves = at->u->alignments > 1;
    const int64_t leaves = moves && at->pixels - at->pixel + at->u->shifts[0] > tile * LCNN_WIDTH;
    switch (tile * 3 + moves + leaves) {
#define TILE(n)                                           \
    case 3 * n:                                           \
        lookup_filters(n, n, 0, at, scratch, begin, end); \
        break;                                            \
        MOVING(n)
#if LCNN_LOOKUPS_BY_ALIGNMENT
#define MOVING(n)                                                            \
    case 3 * n + 1: lookup_filters(n, n, 1, at, scratch, begin, end); break; \
    case 3 * n + 2: lookup_filters(n, n + 1, 1, at, scratch, begin, end); break;
#else
#define MOVING(n) /* plans for these variants know one alignment */
#endif
        /* clang-format off */
        TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#if MAX_TILE > LCNN_LARGE_TILE
        TILE(13) TILE(14) TILE(16) TILE(18) TILE(20) TILE(22) TILE(24) TILE(26)
#endif
        /* clang-format on */
#undef TILE
#undef MOVING
    }
    return tile;
}

static void lookup_tile(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_lookup *u = &call->u.lookup;
    const lcnn_map *out = &call->out;
    const int64_t parts = (u->filters + u->filters_per_unit - 1) / u->filters_per_unit;
    const int64_t pixels = (out->height - 1) * u->s_row + out->width;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t filter = (unit % parts) * u->filters_per_unit;
        const int64_t stop = min_i64(filter + u->filters_per_unit, u->filters);
        int64_t vector = (unit / parts) * u->tile;
        if (vector == 0) lookup_borders(call, context, filter, stop);
        for (const int64_t last = min_i64(vector + u->tile, u->vectors); vector < last;) {
            const int64_t pixel = vector * LCNN_WIDTH;
            const float *s = context->arena + u->s + pixel;
            const lookup_position at = {u, out, s, context->arena + out->offset, pixel, pixels};
            vector += lookup_part(&at, last - vector, context->scratch, filter, stop);
        }
    }
}
