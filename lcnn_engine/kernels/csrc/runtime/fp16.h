/* Numbers in half precision (IEEE 754 binary16), as files of float16 hold them. */
#ifndef LCNN_FP16_H
#define LCNN_FP16_H

#include <stdint.h>

/* Write `count` finite numbers as fp16; returns 1 where none of them changes by it, else 0. */
int lcnn_to_fp16(const float *numbers, uint16_t *fp16, int64_t count);

#endif
