/* The first n lanes of unaligned memory: the rest is not touched, and loads as 0. */
#ifndef LCNN_MASKS_H
#define LCNN_MASKS_H

#include "simd/vectors.h"

INLINE vf vload_part(const float *p, int64_t n) { return vload_masked(p, first_lanes(n)); }
INLINE void vstore_part(float *p, vf v, int64_t n) { vstore_masked(p, v, first_lanes(n)); }

#endif
