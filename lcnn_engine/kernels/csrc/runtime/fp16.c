#include "runtime/fp16.h"

#include <string.h>

#define REBIAS ((127 - 15) << 23) /* from float's exponents to those of fp16 */
#define MIN_NORMAL 0x38800000     /* 2^-14, as float: below, fp16 numbers are whole numbers of 2^-24 */
#define MAX_FINITE 0x477fe000     /* 65504 */
#define DROPPED 0x1fff            /* bits of a float that fp16 has no room for */
#define PIECE 4096                /* numbers looked at together: most weights that do not fit say so in the first */

/* Of a number by the bits of its magnitude, what it is in units of 2^-24 where it is below fp16's normal ones, else 0.
 * By masks, as everything here: a choice of floats keeps compilers from turning loops into vectors. */
static inline float small_units(int32_t magnitude)
{
    const int32_t bits = magnitude & -(magnitude < MIN_NORMAL);
    float size;
    memcpy(&size, &bits, sizeof size);
    return size * 0x1p24f;
}

int lcnn_fits_fp16(const float *numbers, int64_t count)
{
    for (int64_t first = 0; first < count; first += PIECE) {
        const int64_t stop = first + PIECE < count ? first + PIECE : count;
        int32_t wrong = 0;
        for (int64_t i = first; i < stop; i++) {
            int32_t bits;
            memcpy(&bits, numbers + i, sizeof bits);
            const int32_t magnitude = bits & 0x7fffffff;
            const float units = small_units(magnitude);
            const int32_t rounded = (float)(int32_t)units != units;
            wrong |= rounded | ((magnitude & DROPPED) & -(magnitude >= MIN_NORMAL)) | (magnitude > MAX_FINITE);
        }
        if (wrong) return 0;
    }
    return 1;
}

void lcnn_to_fp16(const float *restrict numbers, uint16_t *restrict fp16, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, numbers + i, sizeof bits);
        const int32_t magnitude = bits & 0x7fffffff, is_small = -(magnitude < MIN_NORMAL);
        const int32_t small = (int32_t)small_units(magnitude), normal = (magnitude - REBIAS) >> 13;
        fp16[i] = (uint16_t)((small & is_small) | (normal & ~is_small) | (bits >> 16 & 0x8000));
    }
}
