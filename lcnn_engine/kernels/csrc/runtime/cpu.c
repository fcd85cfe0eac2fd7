#include "runtime/cpu.h"

#include <stddef.h>

#include "runtime/features.h"

/* clang-format off */
#define LCNN_VARIANT(name, machine, needs) extern const lcnn_variant lcnn_##name;
#include "variants/list.inc.h"
#undef LCNN_VARIANT

static const lcnn_variant *const variants[] = {
#define LCNN_VARIANT(name, machine, needs) &lcnn_##name,
#include "variants/list.inc.h"
#undef LCNN_VARIANT
    NULL,
};
/* clang-format on */

const lcnn_variant *const *lcnn_variants(void) { return variants; }

int lcnn_variant_runs_here(const lcnn_variant *variant)
{
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_cpu_init(); /* also asks the operating system whether it saves the wide registers */
#endif
#define LCNN_VARIANT(name, machine, needs) \
    if (variant == &lcnn_##name) return 1 needs;
#include "variants/list.inc.h"
    return 0;
}
#undef NEEDS
#undef BY_CPUID
#undef LCNN_VARIANT

const char *lcnn_variant_needs(const lcnn_variant *variant)
{
#define NEEDS(feature) " " #feature
#define BY_CPUID(feature) " " #feature
#define LCNN_VARIANT(name, machine, needs) \
    if (variant == &lcnn_##name) return #machine needs;
#include "variants/list.inc.h"
    return "";
}
