/* S = D X in int8: LCNN_ATOMS atoms are broadcast, a few vectors of pixels stand in registers, and all atoms go over
 * them. The pixels are first brought together in scratch: their planes lie too far apart for the first-level cache. */

#include "calls.h"
#include "simd/int8.h"
#include "simd/masks.h"
#include "simd/runs.h"
#include "simd/vectors.h"

#if LCNN_REGISTERS >= 32
#define DICTIONARY_VECTORS 3 /* 3 x 8 sums, 3 vectors of pixels and a broadcast in 32 registers */
#else
#define DICTIONARY_VECTORS 1
#endif
#define DICTIONARY_PIXELS (DICTIONARY_VECTORS * LCNN_WIDTH)

/* S of the block of atoms at `atom` and of `count` pixels, `vectors` of them, from `first` on; `pixels` are their
 * words, DICTIONARY_PIXELS for each quad. */
INLINE void dictionary_block(const int vectors, const lcnn_dictionary_int8 *u, float *arena, const float *pixels,
                             int64_t atom, int64_t first, int64_t count)
{
    vi sum[LCNN_ATOMS][DICTIONARY_VECTORS], word[DICTIONARY_VECTORS];
#pragma GCC unroll 8
    for (int a = 0; a < LCNN_ATOMS; a++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) sum[a][v] = (vi){0};
    const float *d = u->dictionary + atom * u->quads;
    for (int64_t quad = 0; quad < u->quads; quad++, d += LCNN_ATOMS, pixels += DICTIONARY_PIXELS) {
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) word[v] = vload_words(pixels + v * LCNN_WIDTH);
#pragma GCC unroll 8
        for (int a = 0; a < LCNN_ATOMS; a++) {
            const vi w = vset_word(d + a);
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++) sum[a][v] = vdot_int8(sum[a][v], word[v], w);
        }
    }
    const float scale = arena[u->range];
    const vi zero = vround(vset(arena[u->range + 1]));
#pragma GCC unroll 8
    for (int a = 0; a < LCNN_ATOMS; a++) {
        if (atom + a >= u->k) break;
        float *s = arena + u->s + (atom + a) * u->s_plane + first;
        const vf factor = vset(scale * u->scales[atom + a]);
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) {
            const vf y = vfloat(sum[a][v] - zero * u->sums[atom + a]) * factor;
            if (count >= (v + 1) * LCNN_WIDTH) vstore(s + v * LCNN_WIDTH, y);
            else vstore_part(s + v * LCNN_WIDTH, y, count - v * LCNN_WIDTH);
        }
    }
}

/* Bring the words of `count` pixels from `first` on together. */
INLINE void dictionary_pixels(const lcnn_dictionary_int8 *u, const float *arena, int64_t first, int64_t count,
                              float *pixels)
{
    const float *x = arena + u->x + first;
    for (int64_t quad = 0; quad < u->quads; quad++, x += u->x_plane, pixels += DICTIONARY_PIXELS)
        copy_run(pixels, x, count);
}

static void dictionary_int8(const lcnn_call *call, const lcnn_context *context, int64_t begin, int64_t end)
{
    const lcnn_dictionary_int8 *u = &call->u.dictionary_int8;
    const int64_t stop = min_i64(end * u->block, u->columns);
    for (int64_t first = begin * u->block; first < stop; first += DICTIONARY_PIXELS) {
        const int64_t count = min_i64(DICTIONARY_PIXELS, stop - first);
        float *pixels = context->scratch;
        dictionary_pixels(u, context->arena, first, count, pixels);
        for (int64_t atom = 0; atom < u->k; atom += LCNN_ATOMS) {
            switch ((count + LCNN_WIDTH - 1) / LCNN_WIDTH) {
            case 1: dictionary_block(1, u, context->arena, pixels, atom, first, count); break;
#if DICTIONARY_VECTORS == 3
            case 2: dictionary_block(2, u, context->arena, pixels, atom, first, count); break;
            case 3: dictionary_block(3, u, context->arena, pixels, atom, first, count); break;
#endif
            }
        }
    }
}
