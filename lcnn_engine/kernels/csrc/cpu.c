#include "cpu.h"

#include <stddef.h>
#include <string.h>

static const lcnn_variant *const variants[] = {
#if defined(__x86_64__) || defined(_M_X64)
    &lcnn_avx512, &lcnn_avx2,
#endif
    &lcnn_scalar, NULL,
};

const lcnn_variant *const *lcnn_variants(void) { return variants; }

int lcnn_variant_runs_here(const lcnn_variant *variant)
{
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_cpu_init(); /* also asks the operating system whether it saves the wide registers */
    if (strcmp(variant->name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
               && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
               && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    if (strcmp(variant->name, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
#endif
    return strcmp(variant->name, "scalar") == 0;
}
