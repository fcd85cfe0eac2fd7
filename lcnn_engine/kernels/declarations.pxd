# cython: language_level=3
"""What csrc/ declares, for program.pyx: structs and functions, every field explained in the headers."""

from libc.stdint cimport int32_t, int64_t, uint16_t


cdef extern from "calls.h" nogil:
    ctypedef struct lcnn_map:
        int64_t offset, plane, row, channels, height, width, top, bottom, left, right
    ctypedef enum lcnn_activation:
        LCNN_ACT_linear
    ctypedef struct lcnn_context:
        pass
    ctypedef struct lcnn_call
    ctypedef void (*lcnn_kernel)(const lcnn_call *, const lcnn_context *, int64_t, int64_t) noexcept nogil
    ctypedef struct lcnn_space_to_depth:
        int64_t source, channel_stride, row_stride, x_stride, channels, height, width, top, left, stride_h, stride_w
        int64_t phases, rows, columns, target, plane
        const int32_t *phase_y
        const int32_t *phase_x
    ctypedef struct lcnn_to_nhwc:
        int64_t output, target
    ctypedef struct lcnn_dictionary:
        const float *dictionary
        int64_t k, m, columns, block, x, x_plane, s, s_plane
    ctypedef struct lcnn_lookup:
        const int32_t *indptr
        const int32_t *offsets
        const int32_t *order
        const int32_t *shifts
        const int32_t *mask
        const float *coefficients
        const float *bias
        int64_t filters, filters_per_unit, blocks, alignments, s, s_row, tile, vectors
        lcnn_activation activation
        float alpha
    ctypedef struct lcnn_conv:
        const float *weights
        const float *bias
        const int32_t *offsets
        int64_t groups, blocks, lanes, group_filters, group_channels, channels_per_pass, taps
        int64_t stride_h, stride_w, top, left
        int64_t pixels_per_unit, pixel_chunks
        lcnn_activation activation
        float alpha
    ctypedef struct lcnn_nonzeros:
        int64_t list, length
    ctypedef struct lcnn_dense:
        const void *weights
        const float *bias
        int64_t fp16
        int64_t list, length, lanes, units, target
        lcnn_activation activation
        float alpha
    ctypedef struct lcnn_pool:
        int64_t kernel_h, kernel_w, stride_h, stride_w, top, left, span
    ctypedef struct lcnn_pointwise:
        const float *scale
        const float *shift
        lcnn_activation activation
        float alpha
    ctypedef struct lcnn_lrn:
        int64_t radius
        float bias, alpha, beta
    ctypedef union lcnn_call_u:
        lcnn_space_to_depth space_to_depth
        lcnn_to_nhwc to_nhwc
        lcnn_dictionary dictionary
        lcnn_lookup lookup
        lcnn_conv conv
        lcnn_nonzeros nonzeros
        lcnn_dense dense
        lcnn_pool pool
        lcnn_pointwise pointwise
        lcnn_lrn lrn
    ctypedef struct lcnn_call:
        lcnn_kernel kernel
        int64_t units, step, work
        lcnn_map *in_ "in"
        lcnn_map out
        lcnn_call_u u

cdef extern from "variants/variant.h" nogil:
    ctypedef struct lcnn_capabilities:
        int64_t width, masks, alignments, max_tile, conv_lanes, patch_filters, patch_pixels, dense_unit
    ctypedef struct lcnn_variant:
        const char *name
        lcnn_capabilities capabilities
        lcnn_kernel *kernels
    enum:
        LCNN_KERNEL_space_to_depth, LCNN_KERNEL_to_nhwc, LCNN_KERNEL_dictionary, LCNN_KERNEL_lookup_tile
        LCNN_KERNEL_lookup_gather, LCNN_KERNEL_conv, LCNN_KERNEL_conv_patches, LCNN_KERNEL_nonzeros, LCNN_KERNEL_dense
        LCNN_KERNEL_max_pool, LCNN_KERNEL_avg_pool, LCNN_KERNEL_global_max, LCNN_KERNEL_global_avg
        LCNN_KERNEL_pointwise, LCNN_KERNEL_add, LCNN_KERNEL_multiply, LCNN_KERNEL_lrn, LCNN_KERNEL_softmax

cdef extern from "runtime/cpu.h" nogil:
    const lcnn_variant **lcnn_variants()
    int lcnn_variant_runs_here(const lcnn_variant *)

cdef extern from "runtime/blas.h" nogil:
    void lcnn_blas_use_cblas(void *, int)
    void lcnn_blas_use_fortran(void *)
    int64_t lcnn_sgemm_columns(int64_t, int64_t, int64_t)

cdef extern from "runtime/fp16.h" nogil:
    int lcnn_to_fp16(const float *, uint16_t *, int64_t)

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
    int lcnn_run(const lcnn_program *, const lcnn_memory *, int, const float *, int64_t, float **, double *)
