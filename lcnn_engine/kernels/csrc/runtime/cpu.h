/* The variants of this build, and which of them this processor and operating system can run. */
#ifndef LCNN_CPU_H
#define LCNN_CPU_H

#include "variants/variant.h"

/* Variants from fastest to the one that runs everywhere, then NULL. Order and names never depend on the processor. */
const lcnn_variant *const *lcnn_variants(void);
int lcnn_variant_runs_here(const lcnn_variant *variant);

/* The machine that a variant is for, or any, and the features that it needs of it, with spaces between. */
const char *lcnn_variant_needs(const lcnn_variant *variant);

#endif
