# What is made of weights before they are packed.

def sums_of_rows(
    const int64_t[::1] starts, const int64_t[::1] rows, const float[::1] factors, const float[:, ::1] matrix,
    float[:, ::1] sums,
):
    """sums[i] = sum of factors[j] * matrix[rows[j]] for j from starts[i] to starts[i + 1], added in float64, in order.

    ``rows`` of ``matrix`` and ``starts`` (len(sums) + 1,) of both lists are the caller's to check.
    """
    cdef int64_t i, j, column, width = matrix.shape[1]
    cdef const float *row
    cdef double factor
    cdef double *total = <double *>malloc(max(1, width) * sizeof(double))
    if total == NULL:
        raise MemoryError(f"no memory for {8 * width} bytes of sums")
    with nogil:
        for i in range(sums.shape[0]):
            for column in range(width):
                total[column] = 0
            for j in range(starts[i], starts[i + 1]):
                row = &matrix[rows[j], 0]
                factor = factors[j]
                for column in range(width):
                    total[column] += factor * row[column]
            for column in range(width):
                sums[i, column] = <float>total[column]
    free(total)
