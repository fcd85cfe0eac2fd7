/* Runs of floats that lie a stride apart. */
#ifndef LCNN_STRIDED_H
#define LCNN_STRIDED_H

#include "simd/runs.h"
#include "simd/shuffles.h"

/* out[i] = in[i * stride]. */
INLINE void strided_run(float *out, const float *in, int64_t length, const int64_t stride)
{
    for (int64_t i = 0; i < length; i++) out[i] = in[i * stride];
}

/* Every second, or every fourth float, by shuffles. The last vector goes one by one: its loads would end behind the
 * last float that is wanted, which may be the last of the caller's array. */
INLINE void even_run(float *out, const float *in, int64_t length, const int64_t stride)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH < length; i += LCNN_WIDTH) {
        const float *p = in + i * stride;
        vf v = even_lanes(vload(p), vload(p + LCNN_WIDTH));
        if (stride == 4) v = even_lanes(v, even_lanes(vload(p + 2 * LCNN_WIDTH), vload(p + 3 * LCNN_WIDTH)));
        vstore(out + i, v);
    }
    strided_run(out + i, in + i * stride, length - i, stride);
}

/* The same by the fastest way. The strides of colour images and of phases 2 and 4 get loops of their own. */
static void gather_run(float *out, const float *in, int64_t length, int64_t stride)
{
    switch (stride) {
    case 1: copy_run(out, in, length); break;
    case 2: even_run(out, in, length, 2); break;
    case 3: strided_run(out, in, length, 3); break;
    case 4: even_run(out, in, length, 4); break;
    case 6: strided_run(out, in, length, 6); break;
    case 12: strided_run(out, in, length, 12); break;
    default: strided_run(out, in, length, stride);
    }
}

#endif
