/* Numbers in half precision (IEEE 754 binary16), as files of float16 hold them. */
#ifndef LCNN_FP16_H
#define LCNN_FP16_H

#include <stdint.h>

/* Whether fp16 holds each of `count` finite numbers just as it is. */
int lcnn_fits_fp16(const float *numbers, int64_t count);

/* Write `count` numbers that fit as fp16. */
void lcnn_to_fp16(const float *numbers, uint16_t *fp16, int64_t count);

#endif
