/* Planes of floats -> planes of bfloat16 pairs, of channels or of columns: what products of pairs read. */

#include "calls.h"
#include "simd/bfloat16.h"
#include "simd/masks.h"
#include "simd/vectors.h"

/* words[i] = low[i], high[i], or a 0 where there is no `high`. */
INLINE void pack_run(const float *low, const float *high, int64_t length, float *words)
{
    int64_t i = 0;
    for (; i + LCNN_WIDTH <= length; i += LCNN_WIDTH)
        vstore_words(words + i, vpair_bf16(vload(low + i), high ? vload(high + i) : vset(0.0f)));
    if (i == length) return;
    const vf other = high ? vload_part(high + i, length - i) : vset(0.0f);
    vstore_part(words + i, (vf)vpair_bf16(vload_part(low + i, length - i), other), length - i);
}

static void pack_pairs(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_pack_pairs *u = &call->u.pack_pairs;
    for (int64_t unit = begin; unit < end; unit++) {
        const float *low = context->arena + u->source + (u->columns ? unit / 2 : 2 * unit) * u->plane;
        const int alone = u->columns ? unit % 2 : 2 * unit + 1 == u->channels;
        float *words = context->arena + u->target + unit * u->plane;
        if (alone) pack_run(low, NULL, u->plane, words);
        else pack_run(low, low + (u->columns ? 1 : u->plane), u->plane, words);
    }
}
