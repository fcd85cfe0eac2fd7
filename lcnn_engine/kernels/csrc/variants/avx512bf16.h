/* AVX-512 with products of bfloat16 pairs: Cooper Lake, Sapphire Rapids, Zen 4, and what came later. */
#ifndef LCNN_AVX512BF16_H
#define LCNN_AVX512BF16_H

#ifndef LCNN_NAME
#define LCNN_NAME avx512bf16
#endif
#define LCNN_HAS_BF16 1

#include "variants/avx512.h"

INLINE vi vpair_bf16(vf low, vf high)
{
    const vi lanes = (vi){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} * 0x10001 + 0x100000;
    return (vi)_mm512_permutexvar_epi16((__m512i)lanes, (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low));
}
INLINE vf vdot_bf16(vf sum, vi a, vi b) { return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b); }

#endif
