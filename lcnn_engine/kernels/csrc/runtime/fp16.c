#include "runtime/fp16.h"

#include <string.h>

#define REBIAS ((127 - 15) << 23) /* from float's exponents to those of fp16 */
#define MIN_NORMAL 0x38800000     /* 2^-14, as float: below, fp16 numbers are whole numbers of 2^-24 */
#define MAX_FINITE 0x477fe000     /* 65504 */
#define DROPPED 0x1fff            /* bits of a float that fp16 has no room for */

int lcnn_to_fp16(const float *numbers, uint16_t *fp16, int64_t count)
{
    int32_t wrong = 0; /* without a branch: compilers turn this loop into vectors */
    for (int64_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, numbers + i, sizeof bits);
        const int32_t magnitude = bits & 0x7fffffff, small = magnitude < MIN_NORMAL;
        float size;
        memcpy(&size, &magnitude, sizeof size);
        const float units = small ? size * 0x1p24f : 0.0f;
        const int32_t whole = (int32_t)units;
        wrong |= small ? (float)whole != units : (magnitude & DROPPED) | (magnitude > MAX_FINITE);
        fp16[i] = (uint16_t)((small ? whole : (magnitude - REBIAS) >> 13) | (bits >> 16 & 0x8000));
    }
    return !wrong;
}
