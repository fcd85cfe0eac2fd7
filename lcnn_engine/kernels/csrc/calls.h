/* The contract between the plan and the kernels: what a kernel call is, and how an activation lies in memory.
 *
 * Lengths, strides and offsets count floats, never bytes. Shapes, offsets and indices are proved when the plan is
 * built; kernels trust them.
 *
 * A map is an activation stored channel-planar with a border of zeros around every plane:
 *
 *     value(channel, y, x) = arena[offset + channel * plane + y * row + x]      0 <= y < height, 0 <= x < width
 *
 * and (y, x) may leave the image by the border's width, where the value is 0. Floats between planes mean nothing.
 * Whoever writes a map writes its border too, so memory can be reused between maps. A vector (C,) is a map of one pixel
 * with plane = 1.
 *
 * The fields of a call are listed once, by X-macros: the structs below follow from the lists, and so do the layouts
 * (runtime/layouts.c) by which plan/encode.py fills them. Types of fields:
 *
 *     int     a number (int64_t)                      ints     constants, const int32_t *
 *     place   floats from the start of the arena      floats   constants, const float *
 *     float   a number (float)                        weights  constants, const void *
 *     act     an activation's code
 */
#ifndef LCNN_CALLS_H
#define LCNN_CALLS_H

#include <stdint.h>

#include "activations.h"
#include "constants.h"

typedef int64_t lcnn_int, lcnn_place;
typedef float lcnn_float;
typedef lcnn_activation lcnn_act;
typedef const int32_t *lcnn_ints;
typedef const float *lcnn_floats;
typedef const void *lcnn_weights;

/* clang-format off */

/* offset: of channel 0, pixel (0, 0), in the arena. plane, row: from one channel, one row to the next. top to right:
 * the border. */
#define LCNN_MAP_FIELDS(X)                                                                                      \
    X(place, offset) X(int, plane) X(int, row) X(int, channels) X(int, height) X(int, width) X(int, top)        \
    X(int, bottom) X(int, left) X(int, right)

/* space_to_depth: any strided source -> planes split into the phases of a stride (what a strided lookup reads in rows).
 * out[c, p, a, b] = source(c, a*sh + py[p] - top, b*sw + px[p] - left), 0 outside the image. Unit: a row a. */
#define LCNN_SPACE_TO_DEPTH_FIELDS(X)                                                   \
    X(place, source) /* -1 for the caller's input */                                    \
    X(int, channel_stride) X(int, row_stride) X(int, x_stride) /* of the source */      \
    X(int, channels) X(int, height) X(int, width)              /* of the source image */ \
    X(int, top) X(int, left) X(int, stride_h) X(int, stride_w)                          \
    X(int, phases) X(int, rows) X(int, columns) /* of each phase of the result */       \
    X(place, target) X(int, plane)              /* floats from one channel to the next */ \
    X(ints, phase_y) X(ints, phase_x)           /* (phases) each */

/* to_nhwc: a map -> (H, W, C) order, into the caller's output number `output` or, at -1, to `target`. Unit: a row. */
#define LCNN_TO_NHWC_FIELDS(X) X(int, output) X(place, target)

/* pack_pairs: words of two numbers rounded to bfloat16, in planes of `plane` floats as the source's:
 * word(j, i) = source(2 j, i), source(2 j + 1, i), a 0 beside the last of an odd number of channels. Unit: a plane of words.
 * `columns`: instead word(2 j, i) = source(j, i), source(j, i + 1), and word(2 j + 1, i) = source(j, i), 0. */
#define LCNN_PACK_PAIRS_FIELDS(X) X(place, source) X(int, plane) X(int, channels) X(int, columns) X(place, target)

/* ranges: of part i of an input, the `length` floats at source + i * stride, the greatest value and the greatest
 * negative of one, 0 if there is none, side by side at target + 2 i; NaN where one is NaN. Unit: a part.
 * pack_quads: word(j, i) = source(4 j, i), ..., source(4 j + 3, i) as 8-bit numbers (simd/int8.h), of planes of `plane`
 * floats, of an input whose `ranges` are at `parts`; channels that there are not may be anything. Scale and zero go to
 * `range`, two floats. Unit: a quad. */
#define LCNN_RANGES_FIELDS(X) \
    X(place, source) /* -1 for the caller's input */ X(int, stride) X(int, length) X(place, target)
#define LCNN_PACK_QUADS_FIELDS(X)                                              \
    X(place, source) X(int, plane) X(int, channels) X(place, target)           \
    X(place, parts) X(int, count) /* of them */ X(place, range)

/* dictionary: S = D X by sgemm, S (k, columns) and X (m, columns) with rows `s_plane` and `x_plane` apart.
 * A unit is `block` columns; every sgemm stays small enough to run on the calling thread alone (runtime/blas.h). */
#define LCNN_DICTIONARY_FIELDS(X)                                                  \
    X(floats, dictionary) /* (k, m) */                                             \
    X(int, k) X(int, m) X(int, columns) X(int, block)                              \
    X(place, x) X(int, x_plane) X(place, s) X(int, s_plane)
/* dictionary_direct: the same without a BLAS, D in blocks of LCNN_ATOMS atoms: (k / LCNN_ATOMS, m, LCNN_ATOMS). */

/* dictionary_bf16: the same of bfloat16 numbers, D packed to words (blocks, pairs of m, LCNN_PANEL_LANES atoms). `pairs`:
 * S is rounded, too, and is words (pairs of k, columns). Unit: `block` columns; scratch holds LCNN_PANEL columns of X as
 * words. */
#define LCNN_DICTIONARY_BF16_FIELDS(X)                                             \
    X(weights, dictionary)                                                         \
    X(int, k) X(int, m) X(int, columns) X(int, block)                              \
    X(place, x) X(int, x_plane) X(place, s) X(int, s_plane) X(int, pairs)
/* dictionary_int8: the same of words (pack_quads), D in blocks of LCNN_ATOMS atoms, S = (sum - zero * sums) *
 * (scale * scales) as in conv_int8. Unit: `block` columns; scratch holds the words of those that stand in registers. */
#define LCNN_DICTIONARY_INT8_FIELDS(X)                                                          \
    X(floats, dictionary) /* (k / LCNN_ATOMS, quads, LCNN_ATOMS) */                              \
    X(floats, scales) X(ints, sums) X(place, range)                                              \
    X(int, k) X(int, quads) X(int, columns) X(int, block)                                        \
    X(place, x) X(int, x_plane) X(place, s) X(int, s_plane)

/* lookup: y[o, pixel] = act(bias[o] + sum over j of coefficients[j] * S[offsets[j] + pixel]).
 * Output row y and column x stand at y * s_row + x of the flat pixel count, columns x >= width are not kept.
 * Unit: one tile of `tile` vectors of pixels for `filters_per_unit` filters; tiles outermost. S is split into `blocks`
 * of atoms. Lookups are sorted by alignment: those of alignment a of filter o in block b are from
 * indptr[(b * filters + o) * alignments + a] to the next, and where there is more than one, they read shifts[a] lanes
 * further than `offsets` say, shifts[a] less than a vector, the maximum first and the last one 0.
 * mask: where rows of the result are as long as s_row, -1 for every flat pixel that is one of its columns, else 0; NULL
 * where rows are not. order, where it is given: the plane of each filter. With more than one block, scratch holds filters_per_unit * tile + 2 vectors of partial sums.
 * lookup_gather has no tiles and one alignment. Its rows are, unit after unit and of a unit block after block, the
 * unit's filters in the order of their number of lookups there: row r is of filter order[r]. Of every LCNN_WIDTH rows
 * the lookups that all have lie lane beside lane: the first of each, the second of each; behind them the others, row by
 * row. More than one block only where filters are a multiple of LCNN_WIDTH. */
#define LCNN_LOOKUP_FIELDS(X)                                                                             \
    X(ints, indptr) X(ints, offsets) X(ints, order) X(ints, shifts) X(ints, mask)                         \
    X(floats, coefficients) X(floats, bias)                                                               \
    X(int, filters) X(int, filters_per_unit) X(int, blocks) X(int, alignments)                            \
    X(place, s) X(int, s_row)                                                                             \
    X(int, tile) X(int, vectors) /* vectors of pixels in a tile, and in all */                            \
    X(act, activation) X(float, alpha)

/* lookup_shared: the same for filters that share offsets, LCNN_SHARED_LANES of them a group: group g has lookups
 * indptr[g] to indptr[g + 1], each with a coefficient a lane, and writes lane l to filter order[g, l]; lanes without a
 * filter, -1, are the last. Output pixel (y, x) stands at y * stride_h * s_row + x * stride_w. Unit: `rows_per_unit`
 * rows of a group, all groups before the next rows; scratch holds
 * them as they lie in a plane of the result, and a vector of pixels more.
 * lookup_shared_bf16: the same of words, S being planes of pairs of atoms, and each coefficient that of a pair. */
#define LCNN_LOOKUP_SHARED_FIELDS(X)                                                                      \
    X(ints, indptr) X(ints, offsets) X(ints, order) X(floats, coefficients) X(floats, bias)               \
    X(int, groups) X(place, s) X(int, s_row) X(int, stride_h) X(int, stride_w) X(int, rows_per_unit)      \
    X(act, activation) X(float, alpha)

/* conv: dense convolution. Weights packed (groups, blocks, m/groups, kh, kw, lanes): `lanes` filters side by side.
 * offsets (channels_per_pass, kh, kw): from a pixel to where a tap reads. Unit: `pixels_per_unit` pixels of one block
 * of one group.
 * conv_bf16: the same of words (pack_pairs), both in the map and in the weights: each tap of each channel is one.
 * conv_int8: the same of words (pack_quads), with y = act(bias + (sum - zero * sums) * (scale * scales)), scale and zero
 * being the input's, at `range`, sums those of a filter's weights.
 * conv_patches: the same in one pass with `patch_filters` lanes. Unit: `patch_pixels` pixels of one group; scratch
 * holds those of all taps. */
#define LCNN_CONV_FIELDS(X)                                                                               \
    X(floats, weights) X(floats, bias) /* bias padded to (groups, blocks * lanes) */                     \
    X(ints, offsets)                                                                                      \
    X(int, groups) X(int, blocks) X(int, lanes) X(int, group_filters) X(int, group_channels)              \
    X(int, channels_per_pass) X(int, taps) /* kh * kw */                                                  \
    X(int, stride_h) X(int, stride_w) X(int, top) X(int, left)                                            \
    X(int, pixels_per_unit) X(int, pixel_chunks)                                                          \
    X(act, activation) X(float, alpha)                                                                    \
    X(place, range) X(floats, scales) X(ints, sums) /* padded as bias; of conv_int8 alone */

/* conv_depthwise: filter o reads channel o / filters_of_channel alone. Weights (filters, kh, kw), bias (filters). Unit: a
 * filter. */
#define LCNN_DEPTHWISE_FIELDS(X)                                                                          \
    X(floats, weights) X(floats, bias)                                                                    \
    X(int, filters_of_channel) X(int, kernel_h) X(int, kernel_w) X(int, stride_h) X(int, stride_w)        \
    X(int, dilation_h) X(int, dilation_w) X(int, top) X(int, left)                                        \
    X(act, activation) X(float, alpha)

/* winograd_input: the 4 x 4 windows of a map, 2 apart, transformed (ops/conv_winograd.inc.h). Value i of channel c of the
 * window (y, x) stands at out.offset + i * (channels * plane + LCNN_LINE) + c * plane + y * width + x, out.height x
 * out.width being the windows. `rows`: of the input, with its padding. Unit: a channel.
 * conv_winograd: conv of kernels of 3 x 3, no strides, one group, its input being those windows, its weights
 * (blocks, 16, channels, lanes), offsets (channels) those of a plane. Unit: `pixels_per_unit` rows of windows of one
 * block; scratch holds the 16 sums and 4 results of each. */
#define LCNN_WINOGRAD_INPUT_FIELDS(X) X(int, rows) X(int, top) X(int, left)

/* nonzeros: list the inputs that are not 0: their number, indices and values, at `list` in the arena
 * (1 + m + m floats, the first two parts holding int32). One unit. */
#define LCNN_NONZEROS_FIELDS(X) X(place, list) X(int, length)

/* dense: y = act(bias + W x), reading only rows of W whose input is not 0. W packed (m, lanes), lanes being the results
 * rounded up to a cache line; `fp16`: as float16, widened when read. Unit: `dense_unit` results.
 * dense_bf16: the same with W as bfloat16, x rounded to it. */
#define LCNN_DENSE_FIELDS(X)                                                                              \
    X(weights, weights) X(floats, bias) /* (lanes) */                                                     \
    X(int, fp16)                                                                                          \
    X(place, list) X(int, length) X(int, lanes) X(int, units) X(place, target)                            \
    X(act, activation) X(float, alpha)

/* nonzeros_int8: the same of the integers, as floats, of an input whose `ranges` are at `parts`; scale and zero go to
 * `range`. All are listed where zero is not 0. One unit. */
#define LCNN_NONZEROS_INT8_FIELDS(X) X(place, list) X(int, length) X(place, parts) X(int, count) X(place, range)

/* dense_int8: y = act(bias + (sum - zero * sums) * (scale * scales)), of W in int8, packed (m, lanes), lanes being the
 * results rounded up to a cache line of bytes. Unit: `per_unit` results, whole cache lines. */
#define LCNN_DENSE_INT8_FIELDS(X)                                                                         \
    X(weights, weights) X(floats, bias) X(floats, scales) X(ints, sums) /* (lanes) each */                \
    X(place, range) X(place, list) X(int, length) X(int, lanes) X(int, units) X(int, per_unit)            \
    X(place, target)                                                                                      \
    X(act, activation) X(float, alpha)

/* pool: max or mean over windows; padded positions never win and never count. Unit: a channel. `span` columns hold the
 * padded image and all windows; scratch is `span` floats and the output's width. */
#define LCNN_POOL_FIELDS(X) \
    X(int, kernel_h) X(int, kernel_w) X(int, stride_h) X(int, stride_w) X(int, top) X(int, left) X(int, span)

/* global pool: max or mean over a whole map. Unit: a channel. */
#define LCNN_GLOBAL_POOL_FIELDS(X)

/* pointwise: out = act(in * scale + shift) per channel, or act(in + in2) and the like (subtract_from and divide_into:
 * in2 - in, in2 / in). Unit: a channel, or the whole of a vector: cut elsewhere, the last lanes of a piece would round
 * differently with the number of threads. A second input of one pixel is repeated over the image, one of one channel
 * over the channels. */
#define LCNN_POINTWISE_FIELDS(X) \
    X(floats, scale) X(floats, shift) /* both NULL: 1 and 0 */ X(act, activation) X(float, alpha)

/* prelu: out = in where in >= 0, else in * slope[channel]. Unit: a channel, or the whole of a vector. */
#define LCNN_PRELU_FIELDS(X) X(floats, slope)

/* constant: out = values (channels, height, width). Unit: a channel, or the whole of a vector. */
#define LCNN_CONSTANT_FIELDS(X) X(floats, values)

/* layer_norm: y = (x - mean) / sqrt(variance + epsilon) * scale + shift over the channels of a pixel. Unit: a row, or
 * the whole of a vector. group_norm: over the map and the channels of one of `groups`. Unit: a group. */
#define LCNN_NORM_FIELDS(X) X(floats, scale) X(floats, shift) X(int, groups) X(float, epsilon)

/* channel_max, channel_mean: over the channels of each pixel; out has one channel. Unit: a row. */
#define LCNN_CHANNEL_POOL_FIELDS(X)

/* lrn: y = x / (bias + alpha * sum of x^2 over the channels within radius)^beta. Unit: a row. */
#define LCNN_LRN_FIELDS(X) X(int, radius) X(float, bias) X(float, alpha) X(float, beta)

/* softmax and log_softmax over channels. Unit: a row; scratch is the channels twice and a vector. */
#define LCNN_SOFTMAX_FIELDS(X)

/* gather: out(c, y, x) = in[channels[c] + rows[y] + columns[x]], offsets in floats from the input's first value; `value`
 * where a row or a column is -1. Columns `first` to first + run - 1 lie `stride` floats apart. Unit: a channel, or the
 * whole of a vector. */
#define LCNN_GATHER_FIELDS(X)                                                                             \
    X(ints, channels) X(ints, rows) X(ints, columns) X(int, first) X(int, run) X(int, stride) X(float, value)

/* interpolate: out(c, y, x) = sum over t of column_weights[t][x] * sum over s of row_weights[y][s] * in(c, rows[y][s],
 * columns[t][x]). rows (height, taps): offsets of rows; columns (taps, lanes), lanes the width rounded up to a cache
 * line. Unit: a channel; scratch is a row of the input. */
#define LCNN_INTERPOLATE_FIELDS(X)                                                                        \
    X(ints, rows) X(floats, row_weights) X(ints, columns) X(floats, column_weights) X(int, taps) X(int, lanes)

#define LCNN_MEMBER(type, name) lcnn_##type name;
typedef struct { LCNN_MAP_FIELDS(LCNN_MEMBER) } lcnn_map;
typedef struct { LCNN_SPACE_TO_DEPTH_FIELDS(LCNN_MEMBER) } lcnn_space_to_depth;
typedef struct { LCNN_TO_NHWC_FIELDS(LCNN_MEMBER) } lcnn_to_nhwc;
typedef struct { LCNN_PACK_PAIRS_FIELDS(LCNN_MEMBER) } lcnn_pack_pairs;
typedef struct { LCNN_RANGES_FIELDS(LCNN_MEMBER) } lcnn_ranges;
typedef struct { LCNN_PACK_QUADS_FIELDS(LCNN_MEMBER) } lcnn_pack_quads;
typedef struct { LCNN_DICTIONARY_FIELDS(LCNN_MEMBER) } lcnn_dictionary;
typedef struct { LCNN_DICTIONARY_BF16_FIELDS(LCNN_MEMBER) } lcnn_dictionary_bf16;
typedef struct { LCNN_DICTIONARY_INT8_FIELDS(LCNN_MEMBER) } lcnn_dictionary_int8;
typedef struct { LCNN_LOOKUP_FIELDS(LCNN_MEMBER) } lcnn_lookup;
typedef struct { LCNN_LOOKUP_SHARED_FIELDS(LCNN_MEMBER) } lcnn_lookup_shared;
typedef struct { LCNN_CONV_FIELDS(LCNN_MEMBER) } lcnn_conv;
typedef struct { LCNN_DEPTHWISE_FIELDS(LCNN_MEMBER) } lcnn_depthwise;
typedef struct { LCNN_WINOGRAD_INPUT_FIELDS(LCNN_MEMBER) } lcnn_winograd_input;
typedef struct { LCNN_NONZEROS_FIELDS(LCNN_MEMBER) } lcnn_nonzeros;
typedef struct { LCNN_DENSE_FIELDS(LCNN_MEMBER) } lcnn_dense;
typedef struct { LCNN_NONZEROS_INT8_FIELDS(LCNN_MEMBER) } lcnn_nonzeros_int8;
typedef struct { LCNN_DENSE_INT8_FIELDS(LCNN_MEMBER) } lcnn_dense_int8;
typedef struct { LCNN_POOL_FIELDS(LCNN_MEMBER) } lcnn_pool;
typedef struct { LCNN_POINTWISE_FIELDS(LCNN_MEMBER) } lcnn_pointwise;
typedef struct { LCNN_PRELU_FIELDS(LCNN_MEMBER) } lcnn_prelu;
typedef struct { LCNN_CONSTANT_FIELDS(LCNN_MEMBER) } lcnn_constant;
typedef struct { LCNN_NORM_FIELDS(LCNN_MEMBER) } lcnn_norm;
typedef struct { LCNN_LRN_FIELDS(LCNN_MEMBER) } lcnn_lrn;
typedef struct { LCNN_GATHER_FIELDS(LCNN_MEMBER) } lcnn_gather;
typedef struct { LCNN_INTERPOLATE_FIELDS(LCNN_MEMBER) } lcnn_interpolate;

/* Every kernel and the list of its fields. A kernel of this name is in ops/ and in each variant. */
#define LCNN_KERNELS(X)                                                                                          \
    X(space_to_depth, LCNN_SPACE_TO_DEPTH_FIELDS)                                                                \
    X(to_nhwc, LCNN_TO_NHWC_FIELDS)                                                                              \
    X(pack_pairs, LCNN_PACK_PAIRS_FIELDS)                                                                        \
    X(ranges, LCNN_RANGES_FIELDS)                                                                                \
    X(pack_quads, LCNN_PACK_QUADS_FIELDS)                                                                        \
    X(dictionary, LCNN_DICTIONARY_FIELDS)                                                                        \
    X(dictionary_direct, LCNN_DICTIONARY_FIELDS)                                                                 \
    X(dictionary_bf16, LCNN_DICTIONARY_BF16_FIELDS)                                                              \
    X(dictionary_int8, LCNN_DICTIONARY_INT8_FIELDS)                                                              \
    X(lookup_tile, LCNN_LOOKUP_FIELDS)                                                                           \
    X(lookup_gather, LCNN_LOOKUP_FIELDS)                                                                         \
    X(lookup_shared, LCNN_LOOKUP_SHARED_FIELDS)                                                                  \
    X(lookup_shared_bf16, LCNN_LOOKUP_SHARED_FIELDS)                                                             \
    X(conv, LCNN_CONV_FIELDS)                                                                                    \
    X(conv_bf16, LCNN_CONV_FIELDS)                                                                               \
    X(conv_int8, LCNN_CONV_FIELDS)                                                                               \
    X(winograd_input, LCNN_WINOGRAD_INPUT_FIELDS)                                                                \
    X(conv_winograd, LCNN_CONV_FIELDS)                                                                           \
    X(conv_depthwise, LCNN_DEPTHWISE_FIELDS)                                                                     \
    X(conv_patches, LCNN_CONV_FIELDS)                                                                            \
    X(nonzeros, LCNN_NONZEROS_FIELDS)                                                                            \
    X(dense, LCNN_DENSE_FIELDS)                                                                                  \
    X(dense_bf16, LCNN_DENSE_FIELDS)                                                                             \
    X(nonzeros_int8, LCNN_NONZEROS_INT8_FIELDS)                                                                  \
    X(dense_int8, LCNN_DENSE_INT8_FIELDS)                                                                        \
    X(max_pool, LCNN_POOL_FIELDS)                                                                                \
    X(avg_pool, LCNN_POOL_FIELDS)                                                                                \
    X(global_max, LCNN_GLOBAL_POOL_FIELDS)                                                                       \
    X(global_avg, LCNN_GLOBAL_POOL_FIELDS)                                                                       \
    X(pointwise, LCNN_POINTWISE_FIELDS)                                                                          \
    X(add, LCNN_POINTWISE_FIELDS)                                                                                \
    X(multiply, LCNN_POINTWISE_FIELDS)                                                                           \
    X(subtract, LCNN_POINTWISE_FIELDS)                                                                           \
    X(subtract_from, LCNN_POINTWISE_FIELDS)                                                                      \
    X(divide, LCNN_POINTWISE_FIELDS)                                                                             \
    X(divide_into, LCNN_POINTWISE_FIELDS)                                                                        \
    X(maximum, LCNN_POINTWISE_FIELDS)                                                                            \
    X(minimum, LCNN_POINTWISE_FIELDS)                                                                            \
    X(prelu, LCNN_PRELU_FIELDS)                                                                                  \
    X(constant, LCNN_CONSTANT_FIELDS)                                                                            \
    X(layer_norm, LCNN_NORM_FIELDS)                                                                              \
    X(group_norm, LCNN_NORM_FIELDS)                                                                              \
    X(channel_max, LCNN_CHANNEL_POOL_FIELDS)                                                                     \
    X(channel_mean, LCNN_CHANNEL_POOL_FIELDS)                                                                    \
    X(lrn, LCNN_LRN_FIELDS)                                                                                      \
    X(softmax, LCNN_SOFTMAX_FIELDS)                                                                              \
    X(log_softmax, LCNN_SOFTMAX_FIELDS)                                                                          \
    X(gather, LCNN_GATHER_FIELDS)                                                                                \
    X(interpolate, LCNN_INTERPOLATE_FIELDS)

/* clang-format on */

#define LCNN_KERNEL_NUMBER(name, fields) LCNN_KERNEL_##name,
enum { LCNN_KERNELS(LCNN_KERNEL_NUMBER) LCNN_KERNEL_COUNT };

/* Where a run finds its memory. One per thread at work; threads on one image share all but `scratch`. */
typedef struct {
    float *arena;
    const float *input;    /* the caller's image, (H, W, C) */
    float *const *outputs; /* the caller's results, each (images, H, W, C) or (images, C) */
    int64_t image;         /* which of the images this is */
    float *scratch;        /* private to the thread */
    int *rejected;         /* set to 1 when the input holds a number that is not finite */
} lcnn_context;

typedef struct lcnn_call lcnn_call;

/* A kernel works on units [begin, end) of a call. Units write to disjoint memory, so any split gives the same bits. */
typedef void (*lcnn_kernel)(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end);

struct lcnn_call {
    lcnn_kernel kernel;
    int64_t units;
    int64_t step; /* which step of the plan this is a part of: where its time is counted */
    int64_t work; /* multiplications, or floats moved: decides whether threads share the call */
    lcnn_map in[LCNN_MAX_INPUTS], out;
    union {
        lcnn_space_to_depth space_to_depth;
        lcnn_to_nhwc to_nhwc;
        lcnn_pack_pairs pack_pairs;
        lcnn_ranges ranges;
        lcnn_pack_quads pack_quads;
        lcnn_dictionary dictionary;
        lcnn_dictionary_bf16 dictionary_bf16;
        lcnn_dictionary_int8 dictionary_int8;
        lcnn_lookup lookup;
        lcnn_lookup_shared lookup_shared;
        lcnn_conv conv;
        lcnn_depthwise depthwise;
        lcnn_winograd_input winograd_input;
        lcnn_nonzeros nonzeros;
        lcnn_dense dense;
        lcnn_nonzeros_int8 nonzeros_int8;
        lcnn_dense_int8 dense_int8;
        lcnn_pool pool;
        lcnn_pointwise pointwise;
        lcnn_prelu prelu;
        lcnn_constant constant;
        lcnn_norm norm;
        lcnn_lrn lrn;
        lcnn_gather gather;
        lcnn_interpolate interpolate;
    } u;
};

#endif
