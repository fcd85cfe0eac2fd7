# cython: language_level=3
"""What csrc/ declares for program.pyx, explained in its headers. Structs that Python fills by layout are opaque."""

from libc.stdint cimport int64_t, uint16_t


cdef extern from "calls.h" nogil:
    ctypedef struct lcnn_context:
        pass
    ctypedef struct lcnn_call
    ctypedef void (*lcnn_kernel)(const lcnn_call *, const lcnn_context *, int64_t, int64_t) noexcept nogil
    ctypedef struct lcnn_call:
        lcnn_kernel kernel
    enum:
        LCNN_KERNEL_COUNT

cdef extern from "constants.h" nogil:
    enum:
        LCNN_MAX_THREADS

cdef extern from "variants/variant.h" nogil:
    ctypedef struct lcnn_capabilities:  # int64_t each, in the order of their names
        pass
    ctypedef struct lcnn_variant:
        const char *name
        lcnn_capabilities capabilities
        const lcnn_kernel *kernels

cdef extern from "runtime/layouts.h" nogil:
    ctypedef struct lcnn_field:
        const char *type
        const char *name
    ctypedef struct lcnn_layout:
        const char *kernel
        const lcnn_field *fields
    const lcnn_layout *lcnn_layouts()
    const char *const *lcnn_activation_names()
    const char *const *lcnn_capability_names()
    const char *const *lcnn_constant_names()
    const long *lcnn_constant_values()

cdef extern from "runtime/cpu.h" nogil:
    const lcnn_variant *const *lcnn_variants()
    int lcnn_variant_runs_here(const lcnn_variant *)
    const char *lcnn_variant_needs(const lcnn_variant *)

cdef extern from "runtime/blas.h" nogil:
    void lcnn_blas_use_cblas(void *, int)
    void lcnn_blas_use_fortran(void *)
    int64_t lcnn_sgemm_columns(int64_t, int64_t, int64_t)

cdef extern from "runtime/bfloat16.h" nogil:
    void lcnn_to_bf16(const float *, uint16_t *, int64_t)

cdef extern from "runtime/fp16.h" nogil:
    int lcnn_fits_fp16(const float *, int64_t)

cdef extern from "runtime/transpose.h" nogil:
    ctypedef enum lcnn_conversion:
        LCNN_KEPT, LCNN_AS_FP16, LCNN_AS_BF16
    void lcnn_transpose(const void *, int64_t, int64_t, int, lcnn_conversion, void *, int64_t)

cdef extern from "runtime/memory.h" nogil:
    ctypedef struct lcnn_block:
        void *start
    lcnn_block lcnn_allocate(size_t)
    void lcnn_release(lcnn_block)

cdef extern from "runtime/program.h" nogil:
    ctypedef struct lcnn_program:
        const lcnn_call *calls
        int64_t count, input_size
    ctypedef struct lcnn_memory:
        float *arena
        float *scratch
    ctypedef int (*lcnn_interrupted)() except -1 nogil
    int lcnn_run(const lcnn_program *, const lcnn_memory *, int, const float *, int64_t, float **, double *,
                 lcnn_interrupted) except -1
