/* Which of the variants this processor and operating system can run. */
#ifndef LCNN_CPU_H
#define LCNN_CPU_H

#include "variant.h"

/* Variants from fastest to the one that runs everywhere; NULL ends the list. Order and names never depend on the CPU. */
const lcnn_variant *const *lcnn_variants(void);
int lcnn_variant_runs_here(const lcnn_variant *variant);

#endif
