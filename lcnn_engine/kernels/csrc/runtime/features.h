/* Whether the processor and the operating system have what a row of variants/list.inc.h needs: its NEEDS are these, and
 * ask `features`, which lcnn_features() gives.
 *
 * The processor is asked here, not by __builtin_cpu_supports: that knows fewer features in older compilers, and needs a
 * library of the compiler's own that not every one links. */
#ifndef LCNN_FEATURES_H
#define LCNN_FEATURES_H

#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#include <stddef.h>

enum { LCNN_YMM = 0x06, LCNN_ZMM = 0xe6 }; /* registers that the operating system must save */

/* clang-format off */
#define LCNN_FEATURES(X)                                                              \
    X(fma, basic, 12, LCNN_YMM) X(f16c, basic, 29, LCNN_YMM) X(avx2, ebx, 5, LCNN_YMM) \
    X(avx512f, ebx, 16, LCNN_ZMM) X(avx512dq, ebx, 17, LCNN_ZMM)                      \
    X(avx512bw, ebx, 30, LCNN_ZMM) X(avx512vl, ebx, 31, LCNN_ZMM)                     \
    X(avx512vnni, ecx, 11, LCNN_ZMM) X(avx512bf16, extended, 5, LCNN_ZMM)
/* clang-format on */

#define LCNN_FEATURE_NUMBER(name, word, bit, registers) LCNN_CPU_##name,
enum { LCNN_FEATURES(LCNN_FEATURE_NUMBER) };
#undef LCNN_FEATURE_NUMBER

/* A bit for each feature that may be used. */
static inline unsigned lcnn_features(void)
{
    unsigned basic, ebx, ecx, extended = 0, saved, most, other, another;
    if (__get_cpuid_max(0, NULL) < 7) return 0;
    __cpuid(1, most, other, basic, another);
    if (!(basic & bit_OSXSAVE)) return 0;
    __asm__ volatile("xgetbv" : "=a"(saved), "=d"(other) : "c"(0));
#ifdef __APPLE__
    if ((saved & LCNN_YMM) == LCNN_YMM) saved |= LCNN_ZMM; /* these it saves from their first use on */
#endif
    __cpuid_count(7, 0, most, ebx, ecx, other);
    if (most >= 1) __cpuid_count(7, 1, extended, most, other, another);
#define LCNN_FEATURE_BIT(name, word, bit, registers) \
    | (unsigned)((word >> bit & 1) && (saved & registers) == registers) << LCNN_CPU_##name
    return 0 LCNN_FEATURES(LCNN_FEATURE_BIT);
#undef LCNN_FEATURE_BIT
}
#else
static inline unsigned lcnn_features(void) { return 0; }
#endif

#define NEEDS(feature) &&(features >> LCNN_CPU_##feature & 1)

#endif
