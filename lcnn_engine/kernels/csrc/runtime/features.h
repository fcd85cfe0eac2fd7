/* Whether the processor and the operating system have what a row of variants/list.inc.h needs: its NEEDS and BY_CPUID
 * are these. Once before the first, on x86-64: __builtin_cpu_init(). */
#ifndef LCNN_FEATURES_H
#define LCNN_FEATURES_H

#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>

/* Whether the processor converts half-precision numbers. */
static inline int lcnn_has_f16c(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & bit_F16C;
}
#endif

#define NEEDS(feature) &&__builtin_cpu_supports(#feature)
#define BY_CPUID(feature) &&lcnn_has_##feature()

#endif
