/* Lanes that move: shuffles, folds to one number, transpositions. */
#ifndef LCNN_SHUFFLES_H
#define LCNN_SHUFFLES_H

#include "simd/vectors.h"

/* shuffle(a, b, INDEX): lane l is lane INDEX(l) of a and b side by side. INDEX is a macro of a constant. */
#if LCNN_WIDTH == 16
#define INDICES(X) X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7), X(8), X(9), X(10), X(11), X(12), X(13), X(14), X(15)
#elif LCNN_WIDTH == 8
#define INDICES(X) X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7)
#else
#define INDICES(X) X(0), X(1), X(2), X(3)
#endif
#if defined __clang__ || __GNUC__ >= 12
#define shuffle(a, b, X) __builtin_shufflevector(a, b, INDICES(X))
#else
#define shuffle(a, b, X) __builtin_shuffle(a, b, (vi){INDICES(X)})
#endif

#define EVEN(l) (2 * (l))
#define ODD(l) (2 * (l) + 1)
#define NEXT(l) ((l) + 1)
#define AFTER_NEXT(l) ((l) + 2)
INLINE vf even_lanes(vf a, vf b) { return shuffle(a, b, EVEN); }
INLINE vf odd_lanes(vf a, vf b) { return shuffle(a, b, ODD); }
INLINE vf next_lanes(vf a, vf b) { return shuffle(a, b, NEXT); } /* lanes 1, 2, ... of a, then lane 0 of b */

INLINE vf after_next_lanes(vf a, vf b) { return shuffle(a, b, AFTER_NEXT); }

/* The first half of the lanes from p on, the other half from q on. */
#if defined __clang__ || __GNUC__ >= 12
typedef float vf_half __attribute__((vector_size(2 * LCNN_WIDTH), aligned(4), may_alias));
#define SAME(l) (l)
INLINE vf vload_halves(const float *p, const float *q)
{
    return __builtin_shufflevector(*(const vf_half *)p, *(const vf_half *)q, INDICES(SAME));
}
#else
#define TWO_HALVES(l) ((l) < LCNN_WIDTH / 2 ? (l) : (l) + LCNN_WIDTH / 2)
INLINE vf vload_halves(const float *p, const float *q) { return shuffle(vload(p), vload(q), TWO_HALVES); }
#endif

/* Halve the lanes in play by folding them over, until one is left. */
#define FOLD(l, d) (((l) + (d)) % LCNN_WIDTH)
#define FOLD1(l) FOLD(l, 1)
#define FOLD2(l) FOLD(l, 2)
#define FOLD4(l) FOLD(l, 4)
#define FOLD8(l) FOLD(l, 8)
INLINE float sum_of_lanes(vf v)
{
#if LCNN_WIDTH >= 16
    v += shuffle(v, v, FOLD8);
#endif
#if LCNN_WIDTH >= 8
    v += shuffle(v, v, FOLD4);
#endif
    v += shuffle(v, v, FOLD2);
    v += shuffle(v, v, FOLD1);
    return v[0];
}

INLINE float max_lane(vf v)
{
#if LCNN_WIDTH >= 16
    v = vmaximum(v, shuffle(v, v, FOLD8));
#endif
#if LCNN_WIDTH >= 8
    v = vmaximum(v, shuffle(v, v, FOLD4));
#endif
    v = vmaximum(v, shuffle(v, v, FOLD2));
    v = vmaximum(v, shuffle(v, v, FOLD1));
    return v[0];
}

/* Transpose LCNN_WIDTH vectors: at distance d = 1, 2, 4, ... swap the blocks of d x d values off the diagonal. */
#define UPPER(l, d) ((l) & (d) ? LCNN_WIDTH + (l) - (d) : (l))
#define LOWER(l, d) ((l) & (d) ? LCNN_WIDTH + (l) : (l) + (d))
#define SWAP_BLOCKS(d, UP, LOW)                                   \
    _Pragma("GCC unroll 16") for (int i = 0; i < LCNN_WIDTH; i++) \
    {                                                             \
        if (i & (d)) continue;                                    \
        const vf a = rows[i], b = rows[i + (d)];                  \
        rows[i] = shuffle(a, b, UP);                              \
        rows[i + (d)] = shuffle(a, b, LOW);                       \
    }
#define UPPER1(l) UPPER(l, 1)
#define LOWER1(l) LOWER(l, 1)
#define UPPER2(l) UPPER(l, 2)
#define LOWER2(l) LOWER(l, 2)
#define UPPER4(l) UPPER(l, 4)
#define LOWER4(l) LOWER(l, 4)
#define UPPER8(l) UPPER(l, 8)
#define LOWER8(l) LOWER(l, 8)
INLINE void transpose(vf *rows)
{
    SWAP_BLOCKS(1, UPPER1, LOWER1);
    SWAP_BLOCKS(2, UPPER2, LOWER2);
#if LCNN_WIDTH >= 8
    SWAP_BLOCKS(4, UPPER4, LOWER4);
#endif
#if LCNN_WIDTH >= 16
    SWAP_BLOCKS(8, UPPER8, LOWER8);
#endif
}

/* Of every four lanes, lane i of rows[j] and lane j of rows[i] change places. */
#define LOW_ONES(l) ((l) / 4 * 4 + (l) % 4 / 2 + (l) % 2 * LCNN_WIDTH)
#define HIGH_ONES(l) (LOW_ONES(l) + 2)
#define LOW_TWOS(l) ((l) / 4 * 4 + (l) % 2 + (l) % 4 / 2 * LCNN_WIDTH)
#define HIGH_TWOS(l) (LOW_TWOS(l) + 2)
INLINE void transpose_fours(vf *rows)
{
    const vf a = shuffle(rows[0], rows[1], LOW_ONES), b = shuffle(rows[2], rows[3], LOW_ONES);
    const vf c = shuffle(rows[0], rows[1], HIGH_ONES), d = shuffle(rows[2], rows[3], HIGH_ONES);
    rows[0] = shuffle(a, b, LOW_TWOS);
    rows[1] = shuffle(a, b, HIGH_TWOS);
    rows[2] = shuffle(c, d, LOW_TWOS);
    rows[3] = shuffle(c, d, HIGH_TWOS);
}

#endif
