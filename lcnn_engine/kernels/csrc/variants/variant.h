/* The kernels of one instruction set, and what it is capable of. */
#ifndef LCNN_VARIANT_H
#define LCNN_VARIANT_H

#include "calls.h"

/* What the plan must know of a variant; kernels.Capabilities has the same fields. */
/* clang-format off */
#define LCNN_CAPABILITIES(X)                                               \
    X(width)         /* floats of a vector */                              \
    X(masks)         /* loads and stores of some lanes by a mask register */ \
    X(bf16)          /* products of bfloat16 pairs */                      \
    X(int8)          /* products of int8 quads */                          \
    X(alignments)    /* lookup_tile takes lookups sorted by alignment */   \
    X(max_tile)      /* vectors of pixels that a lookup tile may have */   \
    X(conv_lanes)    /* filters that a block of conv may have */           \
    X(patch_filters) /* filters of conv_patches, at */                     \
    X(patch_pixels)  /* pixels of a unit */                                \
    X(dense_unit)    /* results of a unit of dense */
/* clang-format on */

#define LCNN_CAPABILITY(name) int64_t name;

typedef struct {
    LCNN_CAPABILITIES(LCNN_CAPABILITY)
} lcnn_capabilities;

typedef struct {
    const char *name;
    lcnn_capabilities capabilities;
    lcnn_kernel kernels[LCNN_KERNEL_COUNT];
} lcnn_variant;

#endif
