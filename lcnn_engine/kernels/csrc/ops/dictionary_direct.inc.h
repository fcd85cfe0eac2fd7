/* S = D X without a BLAS: columns lie across lanes, a block of atoms is broadcast. For programs that have none.
 *
 * Every column's sum runs over the channels in order, in parts of DIRECT_DEPTH, whatever tile it is in. */

#include "calls.h"
#include "simd/masks.h"
#include "simd/vectors.h"

#if LCNN_REGISTERS >= 32
#define DIRECT_VECTORS 3 /* 3 x 8 sums, 3 vectors of columns and a broadcast in 32 registers */
#else
#define DIRECT_VECTORS 1 /* 8 sums, a vector of columns and a broadcast in 16 registers */
#endif
#define DIRECT_DEPTH 256

/* Add the products of channels [begin, end) to up to LCNN_ATOMS atoms from `d` on, or begin with them at `begin` 0. */
INLINE void direct_atoms(const int vectors, const int atoms, const lcnn_dictionary *u, const float *d, const float *x,
                         float *s, int64_t begin, int64_t end, int64_t kept, int64_t columns)
{
    vf sums[LCNN_ATOMS][DIRECT_VECTORS];
#pragma GCC unroll 8
    for (int a = 0; a < atoms; a++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sums[a][v] = vset(0.0f);
    d += begin * LCNN_ATOMS;
    x += begin * u->x_plane;
    for (int64_t i = begin; i < end; i++, d += LCNN_ATOMS, x += u->x_plane) {
        vf column[DIRECT_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) column[v] = vload(x + v * LCNN_WIDTH);
#pragma GCC unroll 8
        for (int a = 0; a < atoms; a++) {
            const vf w = vset(d[a]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) sums[a][v] += w * column[v];
        }
    }
#pragma GCC unroll 8
    for (int a = 0; a < atoms; a++) {
        if (a >= kept) break;
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            float *to = s + a * u->s_plane + v * LCNN_WIDTH;
            const int64_t left = columns - v * LCNN_WIDTH;
            if (left >= LCNN_WIDTH) vstore(to, begin ? vload(to) + sums[a][v] : sums[a][v]);
            else vstore_part(to, begin ? vload_part(to, left) + sums[a][v] : sums[a][v], left);
        }
    }
}

INLINE void direct_columns(const int vectors, const lcnn_dictionary *u, const float *x, float *s, int64_t columns)
{
    for (int64_t atom = 0; atom < u->k; atom += LCNN_ATOMS)
        for (int64_t i = 0; i < u->m; i += DIRECT_DEPTH) {
            const float *d = u->dictionary + atom * u->m;
            float *to = s + atom * u->s_plane;
            const int64_t end = min_i64(i + DIRECT_DEPTH, u->m), kept = u->k - atom;
            if (kept > LCNN_ATOMS / 2) direct_atoms(vectors, LCNN_ATOMS, u, d, x, to, i, end, kept, columns);
            else direct_atoms(vectors, LCNN_ATOMS / 2, u, d, x, to, i, end, kept, columns);
        }
}

static void dictionary_direct(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_dictionary *u = &call->u.dictionary;
    const int64_t stop = min_i64(end * u->block, u->columns);
    for (int64_t first = begin * u->block; first < stop; first += DIRECT_VECTORS * LCNN_WIDTH) {
        const int64_t columns = min_i64(DIRECT_VECTORS * LCNN_WIDTH, stop - first);
        const float *x = context->arena + u->x + first;
        float *s = context->arena + u->s + first;
        switch ((columns + LCNN_WIDTH - 1) / LCNN_WIDTH) {
        case 1: direct_columns(1, u, x, s, columns); break;
#if DIRECT_VECTORS == 3
        case 2: direct_columns(2, u, x, s, columns); break;
        case 3: direct_columns(3, u, x, s, columns); break;
#endif
        }
    }
}
