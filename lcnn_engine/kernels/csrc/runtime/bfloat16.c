#include "runtime/bfloat16.h"

#include <string.h>

void lcnn_to_bf16(const float *numbers, uint16_t *bf16, int64_t count)
{
    for (int64_t i = 0; i < count; i++) { /* without a branch: compilers turn this loop into vectors */
        uint32_t bits;
        memcpy(&bits, numbers + i, sizeof bits);
        const uint32_t magnitude = bits & 0x7fffffff, sign = bits & 0x80000000;
        const uint32_t nearest = bits + 0x7fff + (bits >> 16 & 1);
        const uint32_t number = magnitude < 0x800000 ? sign : nearest;
        bf16[i] = (uint16_t)((magnitude > 0x7f800000 ? bits | 0x400000 : number) >> 16);
    }
}
