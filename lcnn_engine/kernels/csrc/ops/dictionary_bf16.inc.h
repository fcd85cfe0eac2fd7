/* S = D X in bfloat16: columns lie across lanes, a block of atoms is broadcast.
 *
 * The columns of a panel are rounded to pairs of channels once, in scratch, for all atoms. Every column's sum runs over
 * the channels in order, whatever panel it is in. */

#include "calls.h"
#include "simd/bfloat16.h"
#include "simd/masks.h"
#include "simd/vectors.h"

#if LCNN_REGISTERS >= 32
#define PANEL_VECTORS 3
#define PANEL_ATOMS 8 /* 3 x 8 sums, 3 vectors of columns and a broadcast in 32 registers */
#else
#define PANEL_VECTORS 2
#define PANEL_ATOMS 4 /* 2 x 4 sums, 2 vectors of columns, a broadcast and what a product takes in 16 registers */
#endif
#define PANEL (PANEL_VECTORS * LCNN_WIDTH)

/* words (pairs of channels, PANEL): up to PANEL columns of X from `x` on. What is read behind the last is not used. */
INLINE void panel_pack(const int vectors, const lcnn_dictionary_bf16 *u, const float *x, float *words)
{
    for (int64_t i = 0; i < u->m; i += 2, words += PANEL, x += 2 * u->x_plane)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            const vf low = vload(x + v * LCNN_WIDTH);
            const vf high = i + 1 < u->m ? vload(x + u->x_plane + v * LCNN_WIDTH) : vset(0.0f);
            vstore_words(words + v * LCNN_WIDTH, vpair_bf16(low, high));
        }
}

/* Store the sums of an atom, or of two side by side as words: `columns` of them. */
INLINE void panel_store(const int vectors, float *s, int64_t columns, const vf *sums)
{
#pragma GCC unroll 4
    for (int v = 0; v + 1 < vectors; v++) vstore(s + v * LCNN_WIDTH, sums[v]);
    const int64_t at = (vectors - 1) * LCNN_WIDTH;
    if (columns - at >= LCNN_WIDTH) vstore(s + at, sums[vectors - 1]);
    else vstore_part(s + at, sums[vectors - 1], columns - at);
}

/* Up to `atoms` atoms from `atom` on at the columns of a panel. */
INLINE void panel_atoms(const int vectors, const int atoms, const lcnn_dictionary_bf16 *u, int64_t atom,
                        const float *words, float *s, int64_t columns)
{
    const float *d = (const float *)u->dictionary + atom / LCNN_PANEL_LANES * LCNN_PANEL_LANES * ((u->m + 1) / 2);
    vf sums[PANEL_ATOMS][PANEL_VECTORS];
#pragma GCC unroll 8
    for (int a = 0; a < atoms; a++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sums[a][v] = vset(0.0f);
    d += atom % LCNN_PANEL_LANES;
    for (int64_t i = 0; i < u->m; i += 2, words += PANEL, d += LCNN_PANEL_LANES) {
        vi x[PANEL_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) x[v] = vload_words(words + v * LCNN_WIDTH);
#pragma GCC unroll 8
        for (int a = 0; a < atoms; a++) {
            const vi w = vset_word(d + a);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sums[a][v] = vdot_bf16(sums[a][v], x[v], w);
        }
    }
#pragma GCC unroll 8
    for (int a = 0; a < atoms; a++) {
        if (atom + a >= u->k) break;
        if (!u->pairs) panel_store(vectors, s + (atom + a) * u->s_plane, columns, sums[a]);
        else if (a % 2 == 0) {
            vf pairs[PANEL_VECTORS];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) pairs[v] = (vf)vpair_bf16(sums[a][v], sums[a + 1][v]);
            panel_store(vectors, s + (atom + a) / 2 * u->s_plane, columns, pairs);
        }
    }
}

INLINE void panel_columns(const int vectors, const lcnn_dictionary_bf16 *u, const float *x, float *s, int64_t columns,
                          float *words)
{
    panel_pack(vectors, u, x, words);
    for (int64_t atom = 0; atom < u->k; atom += PANEL_ATOMS)
        if (u->k - atom > PANEL_ATOMS / 2) panel_atoms(vectors, PANEL_ATOMS, u, atom, words, s, columns);
        else panel_atoms(vectors, PANEL_ATOMS / 2, u, atom, words, s, columns);
}

static void dictionary_bf16(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_dictionary_bf16 *u = &call->u.dictionary_bf16;
    const int64_t stop = min_i64(end * u->block, u->columns);
    for (int64_t first = begin * u->block; first < stop; first += PANEL) {
        const int64_t columns = min_i64(PANEL, stop - first);
        const float *x = context->arena + u->x + first;
        float *s = context->arena + u->s + first;
        switch ((columns + LCNN_WIDTH - 1) / LCNN_WIDTH) {
        case 1: panel_columns(1, u, x, s, columns, context->scratch); break;
        case 2: panel_columns(2, u, x, s, columns, context->scratch); break;
#if PANEL_VECTORS == 3
        case 3: panel_columns(3, u, x, s, columns, context->scratch); break;
#endif
        }
    }
}
