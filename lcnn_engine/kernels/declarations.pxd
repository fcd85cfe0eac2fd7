# cython: language_level=3
"""What csrc/ declares, for program.pyx: structs and functions, every field explained in the headers."""

from libc.stdint cimport int32_t, int64_t, uint16_t


cdef extern from "steps.h" nogil:
    ctypedef struct lcnn_map:
        int64_t offset, plane, row, channels, height, width, top, bottom, left, right
    ctypedef enum lcnn_activation:
        LCNN_LINEAR
    ctypedef struct lcnn_context:
        pass
    ctypedef struct lcnn_step
    ctypedef void (*lcnn_kernel)(const lcnn_step *, const lcnn_context *, int64_t, int64_t) noexcept nogil
    ctypedef struct lcnn_arrange:
        int64_t source, channel_stride, row_stride, x_stride, channels, height, width, top, left, stride_h, stride_w
        int64_t phases, rows, columns, target, plane
        const int32_t *phase_y
        const int32_t *phase_x
    ctypedef struct lcnn_emit:
        int64_t output, target
    ctypedef struct lcnn_dictionary:
        const float *dictionary
        int64_t k, m, columns, block, x, x_plane, s, s_plane
    ctypedef struct lcnn_lookup:
        const int32_t *indptr
        const int32_t *offsets
        const int32_t *order
        const int32_t *shifts
        const int32_t *keep
        const float *coefficients
        const float *bias
        int64_t filters, filters_per_unit, blocks, groups, s, s_row, tile, vectors
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
        int64_t halves
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
    ctypedef union lcnn_step_u:
        lcnn_arrange arrange
        lcnn_emit emit
        lcnn_dictionary dictionary
        lcnn_lookup lookup
        lcnn_conv conv
        lcnn_nonzeros nonzeros
        lcnn_dense dense
        lcnn_pool pool
        lcnn_pointwise pointwise
        lcnn_lrn lrn
    ctypedef struct lcnn_step:
        lcnn_kernel kernel
        int64_t units, slot, work
        lcnn_map *in_ "in"
        lcnn_map out
        lcnn_step_u u
    ctypedef struct lcnn_variant:
        const char *name
        int64_t width, max_tile, groups, max_lanes, patch_filters, patch_pixels, dense_unit
        lcnn_kernel arrange, emit, dictionary, lookup_tile, lookup_gather, conv, conv_patches, nonzeros, dense, max_pool
        lcnn_kernel avg_pool, global_max, global_avg, pointwise, add, multiply, lrn, softmax

cdef extern from "cpu.h" nogil:
    const lcnn_variant **lcnn_variants()
    int lcnn_variant_runs_here(const lcnn_variant *)

cdef extern from "blas.h" nogil:
    void lcnn_blas_use_cblas(void *, int)
    void lcnn_blas_use_fortran(void *)
    int64_t lcnn_sgemm_columns(int64_t, int64_t, int64_t)

cdef extern from "halves.h" nogil:
    int lcnn_halves(const float *, uint16_t *, int64_t)

cdef extern from "memory.h" nogil:
    ctypedef struct lcnn_block:
        void *start
    lcnn_block lcnn_allocate(size_t)
    void lcnn_release(lcnn_block)

cdef extern from "program.h" nogil:
    ctypedef struct lcnn_program:
        const lcnn_step *steps
        int64_t count, input_size
    ctypedef struct lcnn_memory:
        float *arena
        float *scratch
    int lcnn_run(const lcnn_program *, const lcnn_memory *, int, const float *, int64_t, float **, double *)
