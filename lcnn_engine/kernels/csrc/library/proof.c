#include "library/proof.h"

#include <stddef.h>

/* By kernel; one that has none is refused: `dictionary`, which needs a BLAS. */
static lcnn_prover *const provers[LCNN_KERNEL_COUNT] = {
    [LCNN_KERNEL_space_to_depth] = lcnn_prove_space_to_depth,
    [LCNN_KERNEL_to_nhwc] = lcnn_prove_to_nhwc,
    [LCNN_KERNEL_pack_pairs] = lcnn_prove_pack_pairs,
    [LCNN_KERNEL_ranges] = lcnn_prove_ranges,
    [LCNN_KERNEL_pack_quads] = lcnn_prove_pack_quads,
    [LCNN_KERNEL_dictionary_direct] = lcnn_prove_dictionary_direct,
    [LCNN_KERNEL_dictionary_bf16] = lcnn_prove_dictionary_bf16,
    [LCNN_KERNEL_dictionary_int8] = lcnn_prove_dictionary_int8,
    [LCNN_KERNEL_lookup_tile] = lcnn_prove_lookup_tile,
    [LCNN_KERNEL_lookup_gather] = lcnn_prove_lookup_gather,
    [LCNN_KERNEL_lookup_shared] = lcnn_prove_lookup_shared,
    [LCNN_KERNEL_lookup_shared_bf16] = lcnn_prove_lookup_shared,
    [LCNN_KERNEL_conv] = lcnn_prove_conv,
    [LCNN_KERNEL_conv_bf16] = lcnn_prove_conv,
    [LCNN_KERNEL_conv_int8] = lcnn_prove_conv_int8,
    [LCNN_KERNEL_winograd_input] = lcnn_prove_winograd_input,
    [LCNN_KERNEL_conv_winograd] = lcnn_prove_conv_winograd,
    [LCNN_KERNEL_conv_depthwise] = lcnn_prove_conv_depthwise,
    [LCNN_KERNEL_conv_patches] = lcnn_prove_conv_patches,
    [LCNN_KERNEL_nonzeros] = lcnn_prove_nonzeros,
    [LCNN_KERNEL_dense] = lcnn_prove_dense,
    [LCNN_KERNEL_dense_bf16] = lcnn_prove_dense_bf16,
    [LCNN_KERNEL_nonzeros_int8] = lcnn_prove_nonzeros_int8,
    [LCNN_KERNEL_dense_int8] = lcnn_prove_dense_int8,
    [LCNN_KERNEL_max_pool] = lcnn_prove_pool,
    [LCNN_KERNEL_avg_pool] = lcnn_prove_pool,
    [LCNN_KERNEL_global_max] = lcnn_prove_global_pool,
    [LCNN_KERNEL_global_avg] = lcnn_prove_global_pool,
    [LCNN_KERNEL_pointwise] = lcnn_prove_pointwise,
    [LCNN_KERNEL_add] = lcnn_prove_combine,
    [LCNN_KERNEL_multiply] = lcnn_prove_combine,
    [LCNN_KERNEL_subtract] = lcnn_prove_combine,
    [LCNN_KERNEL_subtract_from] = lcnn_prove_combine,
    [LCNN_KERNEL_divide] = lcnn_prove_combine,
    [LCNN_KERNEL_divide_into] = lcnn_prove_combine,
    [LCNN_KERNEL_maximum] = lcnn_prove_combine,
    [LCNN_KERNEL_minimum] = lcnn_prove_combine,
    [LCNN_KERNEL_prelu] = lcnn_prove_prelu,
    [LCNN_KERNEL_constant] = lcnn_prove_constant,
    [LCNN_KERNEL_layer_norm] = lcnn_prove_layer_norm,
    [LCNN_KERNEL_group_norm] = lcnn_prove_group_norm,
    [LCNN_KERNEL_channel_max] = lcnn_prove_channel_pool,
    [LCNN_KERNEL_channel_mean] = lcnn_prove_channel_pool,
    [LCNN_KERNEL_lrn] = lcnn_prove_lrn,
    [LCNN_KERNEL_softmax] = lcnn_prove_softmax,
    [LCNN_KERNEL_log_softmax] = lcnn_prove_softmax,
    [LCNN_KERNEL_gather] = lcnn_prove_gather,
    [LCNN_KERNEL_interpolate] = lcnn_prove_interpolate,
};

int lcnn_prove(lcnn_proof *p, int64_t kernel)
{
    LCNN_NEED(kernel >= 0 && kernel < LCNN_KERNEL_COUNT && provers[kernel], "a kernel of the library");
    LCNN_NEED(p->call->units >= 1, "one unit of work at least");
    return provers[kernel](p);
}

int lcnn_in_arena(const lcnn_proof *p, lcnn_wide first, lcnn_wide count)
{
    return first >= 0 && count >= 0 && first + count <= p->arena;
}

int lcnn_has(const lcnn_proof *p, const void *start, lcnn_wide count, int bytes)
{
    if (start == NULL || count < 0) return 0;
    const int64_t offset = (const unsigned char *)start - p->constants;
    return offset >= 0 && offset <= p->constant_bytes && count * bytes <= p->constant_bytes - offset;
}

lcnn_span lcnn_span_of(const int32_t *numbers, lcnn_wide count)
{
    int32_t least = numbers[0], most = numbers[0];
    for (int64_t i = 1; i < (int64_t)count; i++) {
        least = numbers[i] < least ? numbers[i] : least;
        most = numbers[i] > most ? numbers[i] : most;
    }
    return (lcnn_span){least, most};
}

int lcnn_is_indptr(const lcnn_proof *p, const int32_t *indptr, lcnn_wide rows)
{
    if (!lcnn_has_words(p, indptr, rows + 1) || indptr[0] < 0) return 0;
    int falls = 0;
    for (int64_t i = 0; i < (int64_t)rows; i++) falls |= indptr[i + 1] < indptr[i];
    return !falls;
}

int lcnn_is_map(const lcnn_proof *p, const lcnn_map *m)
{
    if (m->channels < 1 || m->height < 1 || m->width < 1 || m->plane < 1 || m->row < m->width) return 0;
    if (m->top < 0 || m->bottom < 0 || m->left < 0 || m->right < 0) return 0;
    const lcnn_wide values = (lcnn_wide)(m->height - 1) * m->row + m->width;
    const lcnn_wide before = (lcnn_wide)m->top * m->row + m->left, behind = (lcnn_wide)m->bottom * m->row + m->right;
    if (m->channels > 1 && m->plane < values) return 0;
    return lcnn_in_arena(p, m->offset - before, before + (lcnn_wide)(m->channels - 1) * m->plane + values + behind);
}

int lcnn_are_maps(const lcnn_proof *p) { return lcnn_is_map(p, &p->call->in[0]) && lcnn_is_map(p, &p->call->out); }

int lcnn_are_maps_alike(const lcnn_proof *p)
{
    const lcnn_map *in = &p->call->in[0], *out = &p->call->out;
    return lcnn_are_maps(p) && in->height == out->height && in->width == out->width;
}
