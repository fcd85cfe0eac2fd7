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
    const unsigned features = lcnn_features();
    (void)features; /* where no variant needs any */
#define LCNN_VARIANT(name, machine, needs) \
    if (variant == &lcnn_##name) return 1 needs;
#include "variants/list.inc.h"
    return 0;
}
#undef NEEDS
#undef LCNN_VARIANT

const char *lcnn_variant_needs(const lcnn_variant *variant)
{
#define NEEDS(feature) " " #feature
#define LCNN_VARIANT(name, machine, needs) \
    if (variant == &lcnn_##name) return #machine needs;
#include "variants/list.inc.h"
    return "";
}
