/* Matrices of dense layers brought into the order in which kernels read them. */
#ifndef LCNN_TRANSPOSE_H
#define LCNN_TRANSPOSE_H

#include <stdint.h>

typedef enum { LCNN_KEPT, LCNN_AS_FP16, LCNN_AS_BF16 } lcnn_conversion;

/* target (length, lanes) = the transpose of source (units, length), in columns 0 to units - 1; the others are left.
 * Numbers of `bytes` each, 1, 2 or 4, are kept; or they are floats, and become fp16, which holds them all, or bfloat16.
 */
void lcnn_transpose(const void *source, int64_t units, int64_t length, int bytes, lcnn_conversion conversion,
                    void *target, int64_t lanes);

#endif
