/* Every variant of the kernels, fastest first, one a row: its name, which its .h and .c file and LCNN_ISA have too, the
 * machines it is for, and the features it needs of them.
 *
 * setup.py reads the rows: it compiles the .c file of each variant for this machine with -mFEATURE, and defines
 * LCNN_WITH_NAME for it. runtime/cpu.c asks the processor for the features; no test of a processor is compiled with the
 * flags of a variant, since it runs where the variant does not. */

#ifdef LCNN_WITH_avx512bf16
LCNN_VARIANT(avx512bf16, x86_64,
             NEEDS(avx512f) NEEDS(avx512dq) NEEDS(avx512vl) NEEDS(avx512bw) NEEDS(avx512bf16) NEEDS(avx512vnni)
                 NEEDS(fma) NEEDS(f16c))
#endif
#ifdef LCNN_WITH_avx512
LCNN_VARIANT(avx512, x86_64, NEEDS(avx512f) NEEDS(avx512dq) NEEDS(avx512vl) NEEDS(avx512bw) NEEDS(fma) NEEDS(f16c))
#endif
#ifdef LCNN_WITH_avx2
LCNN_VARIANT(avx2, x86_64, NEEDS(avx2) NEEDS(fma) NEEDS(f16c))
#endif
#ifdef LCNN_WITH_scalar
LCNN_VARIANT(scalar, any, )
#endif
