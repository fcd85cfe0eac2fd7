/* All kernels of one instruction set: included once by each variant_*.c, which defines LCNN_WIDTH and LCNN_NAME. */

#include "blas.h"
#include "steps.h"

#include "simd.h"

#include "conv.inc.h"
#include "dense.inc.h"
#include "dictionary.inc.h"
#include "layout.inc.h"
#include "lookup.inc.h"
#include "pool.inc.h"

#include "conv_patches.inc.h" /* gathers strided rows as the layout does */
#include "pointwise.inc.h" /* softmax finds its maximum as a global pool does */

#define LCNN_JOIN(a, b) a##b
#define LCNN_TABLE(name) LCNN_JOIN(lcnn_, name)
#define LCNN_QUOTE(name) #name
#define LCNN_STRING(name) LCNN_QUOTE(name)

const lcnn_variant LCNN_TABLE(LCNN_NAME) = {
    .name = LCNN_STRING(LCNN_NAME),
    .width = LCNN_WIDTH,
    .max_tile = MAX_TILE,
    .groups = LCNN_WIDTH == 16,
    .max_lanes = CONV_LANES,
    .dense_unit = DENSE_UNIT,
    .patch_filters = PATCH_FILTERS,
    .patch_pixels = PATCH_PIXELS,
    .arrange = arrange,
    .emit = emit,
    .dictionary = dictionary,
    .lookup_tile = lookup_tile,
    .lookup_gather = lookup_gather,
    .conv = conv,
    .conv_patches = conv_patches,
    .nonzeros = nonzeros,
    .dense = dense,
    .max_pool = max_pool,
    .avg_pool = avg_pool,
    .global_max = global_max,
    .global_avg = global_avg,
    .pointwise = pointwise,
    .add = add,
    .multiply = multiply,
    .lrn = lrn,
    .softmax = softmax,
};
