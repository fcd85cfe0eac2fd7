/* What a plan and the kernels must agree on. */
#ifndef LCNN_CONTRACT_H
#define LCNN_CONTRACT_H

#include <stdint.h>

/* FNV-1a, of 64 bits, of the fields of every kernel, the activations, the capabilities and the constants, as
 * embed/contract.py writes them down. */
uint64_t lcnn_contract(void);

const char *lcnn_kernel_name(int64_t kernel);

#endif
