#include "runtime/blas.h"

#include <stddef.h>

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111 };
#define ROWS 32        /* filters a sgemm aims at: with 30, 32 and 64 rows OpenBLAS runs within 2% of its best */
#define MAX_DEPTH 1024 /* deeper products are summed up in parts */

typedef void (*cblas_wide)(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *,
                           int64_t, float, float *, int64_t);
typedef void (*cblas_narrow)(int, int, int, int, int, int, float, const float *, int, const float *, int, float,
                             float *, int);
typedef void (*fortran)(const char *, const char *, const int *, const int *, const int *, const float *, const float *,
                        const int *, const float *, const int *, const float *, float *, const int *);

static cblas_wide wide_sgemm = NULL;
static cblas_narrow narrow_sgemm = NULL;
static fortran fortran_sgemm = NULL;

void lcnn_blas_use_cblas(void *function, int wide)
{
    if (wide) wide_sgemm = (cblas_wide)function;
    else narrow_sgemm = (cblas_narrow)function;
}

void lcnn_blas_use_fortran(void *function) { fortran_sgemm = (fortran)function; }

static int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t lcnn_sgemm_columns(int64_t n, int64_t columns, int64_t depth)
{
    int64_t max_columns = LCNN_SGEMM_LIMIT / (min_i64(depth, MAX_DEPTH) * min_i64(n, ROWS)) / 16 * 16;
    if (max_columns < 16) max_columns = 16;
    const int64_t blocks = (columns + max_columns - 1) / max_columns;
    return min_i64(((columns + blocks - 1) / blocks + 15) / 16 * 16, columns);
}

static void sgemm(int64_t n, int64_t columns, int64_t depth, const float *a, int64_t lda, const float *b, int64_t ldb,
                  float beta, float *c, int64_t ldc)
{
    if (wide_sgemm) {
        wide_sgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, n, columns, depth, 1.0f, a, lda, b, ldb, beta, c, ldc);
    } else if (narrow_sgemm) {
        narrow_sgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, (int)n, (int)columns, (int)depth, 1.0f, a, (int)lda, b,
                     (int)ldb, beta, c, (int)ldc);
    } else { /* column-major: C^T = B^T A^T */
        const int rows = (int)columns, cols = (int)n, inner = (int)depth;
        const int la = (int)ldb, lb = (int)lda, lc = (int)ldc;
        const float one = 1.0f;
        fortran_sgemm("N", "N", &rows, &cols, &inner, &one, b, &la, a, &lb, &beta, c, &lc);
    }
}

void lcnn_sgemm(int64_t n, int64_t columns, int64_t depth, const float *a, int64_t lda, const float *b, int64_t ldb,
                float *c, int64_t ldc)
{
    const int64_t part = min_i64(depth, MAX_DEPTH);
    int64_t rows = LCNN_SGEMM_LIMIT / (part * columns);
    if (rows < 1) rows = 1;
    rows = (n + (n + rows - 1) / rows - 1) / ((n + rows - 1) / rows); /* blocks of one size */
    for (int64_t o = 0; o < n; o += rows)
        for (int64_t i = 0; i < depth; i += part)
            sgemm(min_i64(rows, n - o), columns, min_i64(part, depth - i), a + o * lda + i, lda, b + i * ldb, ldb,
                  i ? 1.0f : 0.0f, c + o * ldc, ldc);
}
