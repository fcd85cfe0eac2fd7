/* One vector type for all variants, of LCNN_WIDTH floats, which the header of a variant defines before it includes this
 * one. Vector extensions of GCC and Clang give the arithmetic; a * b + c contracts to a fused multiply-add where the
 * target has one. */
#ifndef LCNN_VECTORS_H
#define LCNN_VECTORS_H

#ifndef LCNN_WIDTH
#error "include the header of a variant, which includes this one"
#endif

#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LCNN_WIDTH)));
typedef int32_t vi __attribute__((vector_size(4 * LCNN_WIDTH)));
typedef float vf_unaligned __attribute__((vector_size(4 * LCNN_WIDTH), aligned(4), may_alias));
typedef int32_t vi_unaligned __attribute__((vector_size(4 * LCNN_WIDTH), aligned(4), may_alias));

INLINE vf vload(const float *p) { return *(const vf_unaligned *)p; }
INLINE void vstore(float *p, vf v) { *(vf_unaligned *)p = v; }
INLINE vf vset(float x) { return x - (vf){0}; }
INLINE vf vabs(vf x) { return (vf)((vi)x & ~(vi)vset(-0.0f)); }
INLINE vf vselect(vi mask, vf a, vf b) { return (vf)(((vi)a & mask) | ((vi)b & ~mask)); }

INLINE int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
