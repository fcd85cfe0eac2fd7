/* The lookup convolution's first half: S = D X, all atoms at every pixel of the padded image (paper, section 3.1). */

#include "calls.h"
#include "runtime/blas.h"
#include "simd/vectors.h"

static void dictionary(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_dictionary *u = &call->u.dictionary;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit * u->block;
        lcnn_sgemm(u->k, min_i64(u->block, u->columns - first), u->m, u->dictionary, u->m,
                   context->arena + u->x + first, u->x_plane, context->arena + u->s + first, u->s_plane);
    }
}
