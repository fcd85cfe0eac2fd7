/* Four lanes in plain C, which the compiler maps to SSE2, to NEON, or to single floats. */
#ifndef LCNN_SCALAR_H
#define LCNN_SCALAR_H

#ifndef LCNN_NAME
#define LCNN_NAME scalar
#endif
#define LCNN_WIDTH 4
#define LCNN_REGISTERS 16

#include <math.h>

#include "simd/vectors.h"
#include "variants/capabilities.h"

INLINE vf vmax(vf a, vf b) { return vselect(a > b, a, b); }
INLINE vf vmaximum(vf a, vf b) { return (vf)((vi)vmax(a, b) | (vi)vmax(b, a)); } /* as in avx2.h */
INLINE vf vmin(vf a, vf b) { return vselect(a < b, a, b); }
INLINE vi vround(vf x) { return (vi){(int)lrintf(x[0]), (int)lrintf(x[1]), (int)lrintf(x[2]), (int)lrintf(x[3])}; }
INLINE vf vsqrt(vf x) { return (vf){sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])}; }

INLINE vf vload_fp16(const uint16_t *p)
{
    const vi bits = {p[0], p[1], p[2], p[3]};
    const vf magnitude = (vf)((bits & 0x7fff) << 13) * vset(0x1p112f); /* the exponent's bias is 127 instead of 15 */
    return (vf)((vi)magnitude | (bits & 0x8000) << 16);
}

typedef struct {
    int64_t begin, end;
} lanes_mask;
INLINE lanes_mask first_lanes(int64_t n) { return (lanes_mask){0, n}; }
INLINE lanes_mask lanes_between(int64_t a, int64_t b) { return (lanes_mask){a, b}; }
INLINE vf vload_blended(const float *p, lanes_mask mask, vf other)
{
    for (int64_t i = mask.begin; i < mask.end; i++) other[i] = p[i];
    return other;
}
INLINE vf vload_masked(const float *p, lanes_mask mask) { return vload_blended(p, mask, (vf){0}); }
INLINE void vstore_masked(float *p, vf v, lanes_mask mask)
{
    for (int64_t i = mask.begin; i < mask.end; i++) p[i] = v[i];
}

INLINE vf vgather(const float *p, const int32_t *offsets)
{
    return (vf){p[offsets[0]], p[offsets[1]], p[offsets[2]], p[offsets[3]]};
}

INLINE vf vload_fours(const float *p, int64_t stride)
{
    (void)stride;
    return vload(p);
}

#endif
