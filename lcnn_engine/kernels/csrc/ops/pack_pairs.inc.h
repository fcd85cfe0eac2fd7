/* Planes of floats -> planes of bfloat16 pairs, channel by channel: what products of pairs read. */

#include "calls.h"
#include "simd/bfloat16.h"
#include "simd/masks.h"
#include "simd/vectors.h"

static void pack_pairs(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_pack_pairs *u = &call->u.pack_pairs;
    if (u->plane == 1) { /* a vector */
        const float *x = context->arena + u->source;
        for (int64_t i = 2 * begin; i < min_i64(2 * end, u->channels); i += 2) {
            const vf low = vset(x[i]), high = vset(i + 1 < u->channels ? x[i + 1] : 0.0f);
            vstore_part(context->arena + u->target + i / 2, (vf)vpair_bf16(low, high), 1);
        }
        return;
    }
    for (int64_t pair = begin; pair < end; pair++) {
        const int64_t last = 2 * pair + 1 == u->channels; /* it has no partner: zeros */
        const float *low = context->arena + u->source + 2 * pair * u->plane, *high = last ? low : low + u->plane;
        float *words = context->arena + u->target + pair * u->plane;
        int64_t i = 0;
        for (; i + LCNN_WIDTH <= u->plane; i += LCNN_WIDTH)
            vstore_words(words + i, vpair_bf16(vload(low + i), last ? vset(0.0f) : vload(high + i)));
        if (i == u->plane) continue;
        const int64_t left = u->plane - i;
        const vf other = last ? vset(0.0f) : vload_part(high + i, left);
        vstore_part(words + i, (vf)vpair_bf16(vload_part(low + i, left), other), left);
    }
}
