#include "halves.h"

#include <string.h>

#define REBIAS ((127 - 15) << 23) /* from float's exponents to half's */
#define SMALLEST 0x38800000       /* 2^-14, as float: below, halves are whole numbers of 2^-24 */
#define LARGEST 0x477fe000        /* 65504 */
#define DROPPED 0x1fff            /* bits of a float that a half has no room for */

int lcnn_halves(const float *numbers, uint16_t *halves, int64_t count)
{
    int32_t wrong = 0; /* without a branch: compilers turn this loop into vectors */
    for (int64_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, numbers + i, sizeof bits);
        const int32_t magnitude = bits & 0x7fffffff, small = magnitude < SMALLEST;
        float size;
        memcpy(&size, &magnitude, sizeof size);
        const float units = small ? size * 0x1p24f : 0.0f;
        const int32_t whole = (int32_t)units;
        wrong |= small ? (float)whole != units : (magnitude & DROPPED) | (magnitude > LARGEST);
        halves[i] = (uint16_t)((small ? whole : (magnitude - REBIAS) >> 13) | (bits >> 16 & 0x8000));
    }
    return !wrong;
}
