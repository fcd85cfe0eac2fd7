/* The kernels of one instruction set, and what it is capable of. */
#ifndef LCNN_VARIANT_H
#define LCNN_VARIANT_H

#include "calls.h"

/* What the plan must know of a variant, by name and, behind its header and the kernels, by value; kernels.Capabilities
 * has the same fields. */
/* clang-format off */
#define LCNN_CAPABILITIES(X)                                                                       \
    X(width, LCNN_WIDTH)                     /* floats of a vector */                              \
    X(masks, LCNN_HAS_MASKS)                 /* loads and stores of some lanes by a mask register */ \
    X(bf16, LCNN_HAS_BF16)                   /* products of bfloat16 pairs */                      \
    X(int8, LCNN_HAS_INT8)                   /* products of int8 quads */                          \
    X(alignments, LCNN_LOOKUPS_BY_ALIGNMENT) /* lookup_tile takes lookups sorted by alignment */   \
    X(max_tile, MAX_TILE)                    /* vectors of pixels that a lookup tile may have */   \
    X(conv_lanes, CONV_LANES * LCNN_WIDTH)   /* filters that a block of conv may have */           \
    X(patch_filters, PATCH_FILTERS)          /* filters of conv_patches, at */                     \
    X(patch_pixels, PATCH_PIXELS)            /* pixels of a unit */                                \
    X(dense_unit, DENSE_UNIT)                /* results of a unit of dense */                      \
    X(dictionary_pixels, DICTIONARY_PIXELS)  /* pixels that dictionary_int8 takes at once */
/* clang-format on */

#define LCNN_CAPABILITY(name, value) int64_t name;

typedef struct {
    LCNN_CAPABILITIES(LCNN_CAPABILITY)
} lcnn_capabilities;

typedef struct {
    const char *name;
    lcnn_capabilities capabilities;
    lcnn_kernel kernels[LCNN_KERNEL_COUNT];
} lcnn_variant;

#endif
