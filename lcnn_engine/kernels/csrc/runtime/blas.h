/* OpenBLAS behind one wrapper.
 *
 * C (n rows, columns) = A (n, depth) B (depth, columns), row-major, row strides lda, ldb, ldc; C overlaps neither.
 *
 * A call of OpenBLAS may start threads, and its result then changes with the host program's settings. It does so only
 * above n * columns * depth = 2^18, so the product is cut into calls no larger than that: one thread, the same bits
 * under any setting, and no setting touched. On AVX-512 it is also faster (112 against 88 GFLOP/s at k=30, m=64),
 * because such calls take the path without packing. */
#ifndef LCNN_BLAS_H
#define LCNN_BLAS_H

#include <stdint.h>

#define LCNN_SGEMM_LIMIT 262144 /* SMP_THRESHOLD_MIN 65536 * GEMM_MULTITHREAD_THRESHOLD 4 */

/* Give the cblas_sgemm to use, and whether its integers have 64 bits; or a Fortran sgemm of 32-bit integers. */
void lcnn_blas_use_cblas(void *function, int wide);
void lcnn_blas_use_fortran(void *function);

/* Columns a unit should have, so that calls are as large as the limit lets them and blocks are of one size. */
int64_t lcnn_sgemm_columns(int64_t n, int64_t columns, int64_t depth);

void lcnn_sgemm(int64_t n, int64_t columns, int64_t depth, const float *a, int64_t lda, const float *b, int64_t ldb,
                float *c, int64_t ldc);

#endif
