/* Matrices times vectors, and what int8 and bfloat16 layers read. */
#include <stddef.h>

#include "library/proof.h"

#define BYTES_OF_LINE 64 /* results of dense_int8 that are read together */

/* A list of up to `length` numbers that are not 0: how many, where each was, and each. */
static lcnn_wide list_size(lcnn_wide length) { return 1 + 2 * length; }

static int prove_list(lcnn_proof *p, lcnn_place list, int64_t length)
{
    LCNN_NEED(p->call->units == 1, "one unit");
    LCNN_NEED(length >= 1 && length < INT32_MAX - LCNN_GUARD, "an input of at least 1");
    LCNN_NEED(lcnn_in_arena(p, p->call->in[0].offset, length), "the input in the arena");
    LCNN_NEED(lcnn_in_arena(p, list, list_size(length)), "the list in the arena");
    return 1;
}

int lcnn_prove_nonzeros(lcnn_proof *p) { return prove_list(p, p->call->u.nonzeros.list, p->call->u.nonzeros.length); }

/* Greatest values of `count` parts, and where scale and zero go. */
static int prove_range(lcnn_proof *p, lcnn_place parts, int64_t count, lcnn_place range)
{
    LCNN_NEED(count >= 1 && lcnn_in_arena(p, parts, 2 * (lcnn_wide)count), "greatest values in the arena");
    LCNN_NEED(lcnn_in_arena(p, range, 2), "a range in the arena");
    return 1;
}

int lcnn_prove_nonzeros_int8(lcnn_proof *p)
{
    const lcnn_nonzeros_int8 *u = &p->call->u.nonzeros_int8;
    return prove_list(p, u->list, u->length) && prove_range(p, u->parts, u->count, u->range);
}

/* The list that the call before has made, of the same length: its numbers are indices of rows. Nothing writes over it
 * until it is read, the results of this call included. `results`: lanes are whole multiples of `line`. */
static int prove_matrix(lcnn_proof *p, lcnn_place made, int64_t made_length, lcnn_place list, int64_t length,
                        lcnn_wide lanes, lcnn_wide results, lcnn_wide line, lcnn_place target)
{
    LCNN_NEED(made == list && made_length == length, "the list of the call before");
    LCNN_NEED(results >= 1 && lanes == lcnn_parts(results, line) * line, "lanes for all results");
    LCNN_NEED(lcnn_in_arena(p, target, results), "results in the arena");
    LCNN_NEED(target + results <= list || target >= list + list_size(length), "results beside the list");
    return 1;
}

static int prove_dense(lcnn_proof *p, int bytes)
{
    const lcnn_dense *u = &p->call->u.dense;
    LCNN_NEED(p->before && p->before->kernel == p->nonzeros, "a list of nonzeros before");
    const lcnn_nonzeros *made = &p->before->u.nonzeros;
    if (!prove_matrix(p, made->list, made->length, u->list, u->length, u->lanes, u->units, LCNN_LINE, u->target))
        return 0;
    LCNN_NEED(p->call->units == lcnn_parts(u->lanes, p->able->dense_unit), "units for all results");
    LCNN_NEED(lcnn_has(p, u->weights, (lcnn_wide)u->length * u->lanes, bytes), "a whole matrix");
    LCNN_NEED(lcnn_has_words(p, u->bias, u->lanes), "a bias for each result");
    return 1;
}

int lcnn_prove_dense(lcnn_proof *p) { return prove_dense(p, p->call->u.dense.fp16 ? 2 : 4); }

int lcnn_prove_dense_bf16(lcnn_proof *p) { return prove_dense(p, 2); }

int lcnn_prove_dense_int8(lcnn_proof *p)
{
    const lcnn_dense_int8 *u = &p->call->u.dense_int8;
    LCNN_NEED(p->before && p->before->kernel == p->nonzeros_int8, "a list of nonzeros before");
    const lcnn_nonzeros_int8 *made = &p->before->u.nonzeros_int8;
    if (!prove_matrix(p, made->list, made->length, u->list, u->length, u->lanes, u->units, BYTES_OF_LINE, u->target))
        return 0;
    LCNN_NEED(u->per_unit >= BYTES_OF_LINE && u->per_unit % BYTES_OF_LINE == 0, "units of whole lines");
    LCNN_NEED(p->call->units == lcnn_parts(u->lanes, u->per_unit), "units for all results");
    LCNN_NEED(lcnn_has(p, u->weights, (lcnn_wide)u->length * u->lanes, 1), "a whole matrix");
    LCNN_NEED(lcnn_has_words(p, u->bias, u->lanes) && lcnn_has_words(p, u->scales, u->lanes) &&
                  lcnn_has_words(p, u->sums, u->lanes),
              "a bias, a scale and a sum for each result");
    LCNN_NEED(lcnn_in_arena(p, u->range, 2), "a range in the arena");
    return 1;
}

int lcnn_prove_pack_pairs(lcnn_proof *p)
{
    const lcnn_pack_pairs *u = &p->call->u.pack_pairs;
    LCNN_NEED(u->channels >= 1 && u->plane >= 1, "planes and channels of at least 1");
    LCNN_NEED(p->call->units == (u->columns ? 2 * (lcnn_wide)u->channels : lcnn_parts(u->channels, 2)),
              "a unit for each plane");
    LCNN_NEED(lcnn_in_arena(p, u->source, (lcnn_wide)u->channels * u->plane), "floats in the arena");
    LCNN_NEED(lcnn_in_arena(p, u->target, (lcnn_wide)p->call->units * u->plane), "words in the arena");
    return 1;
}

int lcnn_prove_ranges(lcnn_proof *p)
{
    const lcnn_ranges *u = &p->call->u.ranges;
    LCNN_NEED(u->length >= 1 && u->stride >= 0 && (p->call->units == 1 || u->stride >= u->length),
              "parts side by side");
    const lcnn_wide count = (lcnn_wide)(p->call->units - 1) * u->stride + u->length;
    if (u->source < 0) LCNN_NEED(u->source == -1 && count <= p->input, "parts of the input");
    else LCNN_NEED(lcnn_in_arena(p, u->source, count), "parts in the arena");
    LCNN_NEED(lcnn_in_arena(p, u->target, 2 * (lcnn_wide)p->call->units), "results in the arena");
    return 1;
}

int lcnn_prove_pack_quads(lcnn_proof *p)
{
    const lcnn_pack_quads *u = &p->call->u.pack_quads;
    LCNN_NEED(u->channels >= 1 && u->plane >= 1, "planes and channels of at least 1");
    LCNN_NEED(p->call->units == lcnn_parts(u->channels, 4), "a unit for each plane");
    LCNN_NEED(lcnn_in_arena(p, u->source, (lcnn_wide)u->channels * u->plane), "floats in the arena");
    LCNN_NEED(lcnn_in_arena(p, u->target, (lcnn_wide)p->call->units * u->plane), "words in the arena");
    return prove_range(p, u->parts, u->count, u->range);
}
