/* The contract between the plan and the kernels: what a step is, and how an activation lies in memory.
 *
 * Lengths, strides and offsets count floats, never bytes. Shapes, offsets and indices are proved when the plan is
 * built; kernels trust them.
 *
 * A map is an activation stored channel-planar with a border of zeros around every plane:
 *
 *     value(channel, y, x) = arena[offset + channel * plane + y * row + x]      0 <= y < height, 0 <= x < width
 *
 * and (y, x) may leave the picture by the border's width, where the value is 0. Floats between planes mean nothing. Whoever writes a map writes its
 * border too, so memory can be reused between maps. A vector (C,) is a map of one pixel with plane = 1.
 */
#ifndef LCNN_STEPS_H
#define LCNN_STEPS_H

#include <stdint.h>

#define LCNN_MAX_INPUTS 2

/* Vectors may read past a map, by their own width and this much: the arena has room for it before and behind all maps. */
#define LCNN_REACH 16

typedef struct {
    int64_t offset; /* of channel 0, pixel (0, 0), in the arena */
    int64_t plane;  /* from one channel to the next */
    int64_t row;    /* from one row to the next */
    int64_t channels, height, width;
    int64_t top, bottom, left, right; /* border */
} lcnn_map;

/* Where a run finds its memory. One per thread at work; threads on one picture share all but
 * `scratch`. */
typedef struct {
    float *arena;
    const float *input;    /* the caller's picture, (H, W, C) */
    float *const *outputs; /* the caller's results, each (pictures, H, W, C) or (pictures, C) */
    int64_t picture;       /* which of the pictures this is */
    float *scratch;        /* private to the thread */
    int *rejected;         /* set to 1 when the input holds a number that is not finite */
} lcnn_context;

typedef enum {
    LCNN_LINEAR, LCNN_RELU, LCNN_RELU6, LCNN_LEAKY_RELU, LCNN_SIGMOID, LCNN_TANH, LCNN_SILU, LCNN_HARD_SIGMOID,
    LCNN_HARD_SILU
} lcnn_activation;

typedef struct lcnn_step lcnn_step;

/* A kernel works on units [begin, end) of a step. Units write disjoint places, so any split gives the same bits. */
typedef void (*lcnn_kernel)(const lcnn_step *step, const lcnn_context *context, int64_t begin, int64_t end);

/* arrange: any strided source -> planes split into the phases of a stride (what a strided lookup reads in rows).
 * out[c, p, a, b] = source(c, a*sh + py[p] - top, b*sw + px[p] - left), 0 outside the picture. Unit: a row a. */
typedef struct {
    int64_t source;                               /* arena offset, or -1 for the caller's input */
    int64_t channel_stride, row_stride, x_stride; /* of the source */
    int64_t channels, height, width;              /* of the source picture */
    int64_t top, left, stride_h, stride_w;
    int64_t phases, rows, columns;  /* of each phase of the result */
    int64_t target, plane;          /* where the result lies; floats from one channel to the next */
    const int32_t *phase_y, *phase_x;
} lcnn_arrange;

/* emit: a map -> (H, W, C) order, into the caller's output number `output` or, at -1, to `target`. Unit: a row. */
typedef struct {
    int64_t output, target;
} lcnn_emit;

/* dictionary: S = D X by sgemm, S (k, columns) and X (m, columns) with rows `s_plane` and `x_plane` apart.
 * A unit is `block` columns; every sgemm call stays small enough to run on the calling thread alone (blas.h). */
typedef struct {
    const float *dictionary; /* (k, m) */
    int64_t k, m, columns, block;
    int64_t x, x_plane, s, s_plane;
} lcnn_dictionary;

/* lookup: y[o, pixel] = act(bias[o] + sum over j of coefficients[j] * S[offsets[j] + pixel]).
 * Output row y and column x stand at y * s_row + x of the flat pixel count, columns x >= width are not kept.
 * Unit: one tile of `tile` vectors of pixels for `filters_per_unit` filters; tiles outermost. S is cut into `blocks` of
 * atoms. Lookups come in `groups`: those of group g of filter o in block b are from indptr[(b * filters + o) * groups + g]
 * to the next, and where there is more than one group, they read shifts[g] lanes further than `offsets` say, shifts[g]
 * less than a vector, the largest first and the last one 0.
 * keep: where rows of the result are as long as s_row, -1 for every flat pixel that is one of its columns, else 0; NULL
 * where rows are not. With more than one block, scratch holds filters_per_unit * tile + 2 vectors.
 * The gathering kernel has no tiles and one group. Its rows are, unit after unit and of a unit block after block, the
 * unit's filters in the order of their number of lookups there: row r is of filter order[r]. Of every LCNN_WIDTH rows the
 * lookups that all have lie lane beside lane: the first of each, the second of each; behind them the others, row by row.
 * More than one block only where filters are a multiple of LCNN_WIDTH. */
typedef struct {
    const int32_t *indptr, *offsets, *order, *shifts, *keep;
    const float *coefficients, *bias;
    int64_t filters, filters_per_unit, blocks, groups;
    int64_t s, s_row;
    int64_t tile, vectors; /* vectors of pixels in a tile, and in all */
    lcnn_activation activation;
    float alpha;
} lcnn_lookup;

/* conv: dense convolution. Weights packed (groups, blocks, m/groups, kh, kw, lanes): `lanes` filters side by side.
 * offsets (channels_per_pass, kh, kw): from a pixel to where a tap reads. Unit: `pixels_per_unit` pixels of one block of
 * one group.
 * conv_patches: the same in one pass with `patch_filters` lanes. Unit: `patch_pixels` pixels of one group; scratch holds
 * those of all taps. */
typedef struct {
    const float *weights, *bias; /* bias padded to (groups, blocks * lanes) */
    const int32_t *offsets;
    int64_t groups, blocks, lanes, group_filters, group_channels, channels_per_pass, taps; /* taps = kh * kw */
    int64_t stride_h, stride_w, top, left;
    int64_t pixels_per_unit, pixel_chunks;
    lcnn_activation activation;
    float alpha;
} lcnn_conv;

/* nonzeros: list the inputs that are not 0: their number, indices and values, at `list` in the arena
 * (1 + m + m floats, the first two parts holding int32). One unit. */
typedef struct {
    int64_t list, length;
} lcnn_nonzeros;

/* dense: y = act(bias + W x), reading only rows of W whose input is not 0. W packed (m, lanes), lanes being the results
 * rounded up to a cache line; `halves`: as float16, widened when read. Unit: `dense_unit` results. */
typedef struct {
    const void *weights;
    const float *bias; /* (lanes) */
    int64_t halves;
    int64_t list, length, lanes, units, target;
    lcnn_activation activation;
    float alpha;
} lcnn_dense;

/* pool: max or mean over windows; padded places never win and never count. Unit: a channel. `span` columns hold the
 * padded picture and all windows; scratch is `span` floats and the output's width. */
typedef struct {
    int64_t kernel_h, kernel_w, stride_h, stride_w, top, left, span;
} lcnn_pool;

/* pointwise: out = act(in * scale + shift) per channel, or act(in + in2), act(in * in2). Unit: a channel, or the
 * whole of a vector: cut elsewhere, the last lanes of a piece would round differently with the number of threads.
 * A second input of one pixel is repeated over the picture. */
typedef struct {
    const float *scale, *shift; /* both NULL: 1 and 0 */
    lcnn_activation activation;
    float alpha;
} lcnn_pointwise;

/* lrn: y = x / (bias + alpha * sum of x^2 over the channels within radius)^beta. Unit: a row. */
typedef struct {
    int64_t radius;
    float bias, alpha, beta;
} lcnn_lrn;

struct lcnn_step {
    lcnn_kernel kernel;
    int64_t units;
    int64_t slot;  /* which step of the plan this is a part of: where its time is counted */
    int64_t work; /* multiplications, or floats moved: decides whether threads share the step */
    lcnn_map in[LCNN_MAX_INPUTS], out;
    union {
        lcnn_arrange arrange;
        lcnn_emit emit;
        lcnn_dictionary dictionary;
        lcnn_lookup lookup;
        lcnn_conv conv;
        lcnn_nonzeros nonzeros;
        lcnn_dense dense;
        lcnn_pool pool;
        lcnn_pointwise pointwise;
        lcnn_lrn lrn;
    } u;
};

/* The kernels of one instruction set. `width` is floats per vector; `max_tile` vectors of pixels a lookup tile may
 * have; `groups` whether lookups may come in groups; a conv block is `max_lanes` vectors of filters at most, and one of
 * conv_patches `patch_filters` filters at `patch_pixels` pixels. */
typedef struct {
    const char *name;
    int64_t width, max_tile, groups, max_lanes, patch_filters, patch_pixels, dense_unit;
    lcnn_kernel arrange, emit, dictionary, lookup_tile, lookup_gather, conv, conv_patches, nonzeros, dense, max_pool,
        avg_pool, global_max, global_avg, pointwise, add, multiply, lrn, softmax;
} lcnn_variant;

extern const lcnn_variant lcnn_scalar;
#if defined(__x86_64__) || defined(_M_X64)
extern const lcnn_variant lcnn_avx2, lcnn_avx512;
#endif

#endif
