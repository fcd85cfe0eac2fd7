/* Numbers in half precision (IEEE 754 binary16), as files of float16 hold them. */
#ifndef LCNN_HALVES_H
#define LCNN_HALVES_H

#include <stdint.h>

/* Write `count` finite numbers as halves; returns 1 where all of them are halves exactly, else 0. */
int lcnn_halves(const float *numbers, uint16_t *halves, int64_t count);

#endif
