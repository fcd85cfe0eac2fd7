/* All kernels of one instruction set: included once by each variant_*.c, which defines LCNN_WIDTH and LCNN_NAME. */

#include "blas.h"
#include "variant.h"

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

#define LCNN_TABLE_ENTRY(kernel, fields) [LCNN_KERNEL_##kernel] = kernel,

const lcnn_variant LCNN_TABLE(LCNN_NAME) = {
    .name = LCNN_STRING(LCNN_NAME),
    .capabilities =
        {
            .width = LCNN_WIDTH,
            .masks = LCNN_WIDTH == 16,
            .bf16 = 0,
            .int8 = 0,
            .alignments = LCNN_WIDTH == 16,
            .max_tile = MAX_TILE,
            .conv_lanes = CONV_LANES * LCNN_WIDTH,
            .patch_filters = PATCH_FILTERS,
            .patch_pixels = PATCH_PIXELS,
            .dense_unit = DENSE_UNIT,
        },
    .kernels = {LCNN_KERNELS(LCNN_TABLE_ENTRY)},
};
