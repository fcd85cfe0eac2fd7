/* Float to bfloat16, for weights that are packed. */
#ifndef LCNN_RUNTIME_BFLOAT16_H
#define LCNN_RUNTIME_BFLOAT16_H

#include <stdint.h>

/* The nearest bfloat16 number of each, the even one of two as near; 0 below 2^-126. */
void lcnn_to_bf16(const float *numbers, uint16_t *bf16, int64_t count);

#endif
