/* That a call stays in the memory it is given, whatever a plan file says: each kernel's reads and writes, worked out
 * from the fields that steer them, as ops/ have them.
 *
 * A context has LCNN_GUARD floats around its arena and behind its scratch, and a plan file so many behind its
 * constants: vectors that reach past what is counted here, by less than that, stay in them. The caller's input and
 * output have no such room, and no kernel reaches past those.
 *
 * What a kernel reads from the arena are numbers that no address depends on, but for the list of nonzeros: its reader
 * must be the call behind its writer. */
#ifndef LCNN_PROOF_H
#define LCNN_PROOF_H

#include "calls.h"
#include "variants/variant.h"

#define LCNN_GUARD 256 /* floats; the most that is needed is under 100, in `pool` and `split_vectors` */

__extension__ typedef __int128 lcnn_wide; /* holds sums of products of three fields */

typedef struct {
    const lcnn_capabilities *able;
    const lcnn_call *call, *before;        /* the one before it, or NULL */
    int64_t arena, scratch, input, output; /* floats */
    const unsigned char *constants;
    int64_t constant_bytes;
    lcnn_kernel nonzeros, nonzeros_int8; /* of the variant */
    const char *why;                     /* what was expected, where something is not */
} lcnn_proof;

/* 1: it stays there. 0: `why` says why not. */
typedef int lcnn_prover(lcnn_proof *p);

/* Prove a call of the kernel of that number. */
int lcnn_prove(lcnn_proof *p, int64_t kernel);

#define LCNN_NEED(condition, expected) \
    do {                               \
        if (!(condition)) {            \
            p->why = (expected);       \
            return 0;                  \
        }                              \
    } while (0)

static inline lcnn_wide lcnn_parts(lcnn_wide whole, lcnn_wide part) { return (whole + part - 1) / part; }
static inline int64_t lcnn_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Whether `count` floats from `first` on lie in the arena. */
int lcnn_in_arena(const lcnn_proof *p, lcnn_wide first, lcnn_wide count);

/* Whether `count` constants of `bytes` each are there from `start` on. */
int lcnn_has(const lcnn_proof *p, const void *start, lcnn_wide count, int bytes);
static inline int lcnn_has_words(const lcnn_proof *p, const void *start, lcnn_wide count)
{
    return lcnn_has(p, start, count, 4);
}

/* The least and the greatest of constants that are there, one at least. */
typedef struct {
    lcnn_wide least, most;
} lcnn_span;
lcnn_span lcnn_span_of(const int32_t *numbers, lcnn_wide count);

/* Whether there are `rows` + 1 numbers that never fall, the first 0 at least; the last is how many entries rows have.
 */
int lcnn_is_indptr(const lcnn_proof *p, const int32_t *indptr, lcnn_wide rows);

/* Whether a map, its border included, lies in the arena, rows and planes side by side or apart. */
int lcnn_is_map(const lcnn_proof *p, const lcnn_map *map);
/* Whether the call's first input is one, and so its result, and both have the same pixels. */
int lcnn_are_maps(const lcnn_proof *p);
int lcnn_are_maps_alike(const lcnn_proof *p);

lcnn_prover lcnn_prove_space_to_depth, lcnn_prove_to_nhwc, lcnn_prove_pack_pairs, lcnn_prove_ranges;
lcnn_prover lcnn_prove_pack_quads, lcnn_prove_gather, lcnn_prove_interpolate, lcnn_prove_constant;
lcnn_prover lcnn_prove_dictionary_direct, lcnn_prove_dictionary_bf16, lcnn_prove_dictionary_int8;
lcnn_prover lcnn_prove_lookup_tile, lcnn_prove_lookup_gather, lcnn_prove_lookup_shared;
lcnn_prover lcnn_prove_conv, lcnn_prove_conv_int8, lcnn_prove_conv_patches, lcnn_prove_conv_depthwise;
lcnn_prover lcnn_prove_winograd_input, lcnn_prove_conv_winograd;
lcnn_prover lcnn_prove_nonzeros, lcnn_prove_nonzeros_int8, lcnn_prove_dense, lcnn_prove_dense_bf16;
lcnn_prover lcnn_prove_dense_int8;
lcnn_prover lcnn_prove_pool, lcnn_prove_global_pool, lcnn_prove_pointwise, lcnn_prove_prelu, lcnn_prove_combine;
lcnn_prover lcnn_prove_layer_norm, lcnn_prove_group_norm, lcnn_prove_channel_pool, lcnn_prove_lrn, lcnn_prove_softmax;

#endif
