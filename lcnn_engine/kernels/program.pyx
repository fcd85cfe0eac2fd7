# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A program of kernel steps, built by the plan and run without the GIL.

The structs are those of csrc/steps.h, where every field is explained. Methods of :class:`Program` append one step each;
their arguments are proved by the plan. Arrays given to a program are kept alive by it.
"""

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint16_t, uintptr_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

from .declarations cimport *
from .declarations cimport (
    lcnn_allocate, lcnn_blas_use_cblas, lcnn_blas_use_fortran, lcnn_block, lcnn_kernel, lcnn_map,
    lcnn_memory, lcnn_program, lcnn_release, lcnn_run, lcnn_sgemm_columns, lcnn_to_fp16, lcnn_call, lcnn_variant,
    lcnn_variant_runs_here, lcnn_variants,
)

import math
import weakref

import numpy as np

MAX_THREADS = 256
cdef enum:
    THREADS_LIMIT = 256
    SMALL_BLOCK = 1 << 16  # bytes: the first block of constants, each further one twice as large
    LARGE_BLOCK = 1 << 23

ACTIVATION_CODES = {
    name: code
    for code, name in enumerate(
        ("linear", "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "hard_sigmoid", "hard_silu")
    )
}


def variants():
    """Every variant of this build, fastest first: [(name, runs on this processor), ...]."""
    cdef const lcnn_variant **list_ = lcnn_variants()
    cdef int i = 0
    found = []
    while list_[i] != NULL:
        found.append((list_[i].name.decode(), bool(lcnn_variant_runs_here(list_[i]))))
        i += 1
    return found


def use_cblas(uintptr_t address, bint wide):
    """Compute dictionaries with the ``cblas_sgemm`` at ``address``; ``wide``: its integers have 64 bits."""
    lcnn_blas_use_cblas(<void *>address, wide)


def use_fortran(capsule):
    """Compute dictionaries with the Fortran sgemm in a Cython capsule (``scipy.linalg.cython_blas``)."""
    lcnn_blas_use_fortran(PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule)))


def halves(array):
    """``array``, float32 and C-ordered, as float16 where that changes none of its finite numbers, else None."""
    result = np.empty(array.shape, np.float16)
    cdef const float[::1] numbers = array.reshape(-1)
    cdef uint16_t[::1] found = result.reshape(-1).view(np.uint16)
    return result if not numbers.size or lcnn_to_fp16(&numbers[0], &found[0], numbers.size) else None


cdef const lcnn_variant *find_variant(str name) except NULL:
    cdef const lcnn_variant **list_ = lcnn_variants()
    cdef int i = 0
    while list_[i] != NULL:
        if list_[i].name.decode() == name and lcnn_variant_runs_here(list_[i]):
            return list_[i]
        i += 1
    raise ValueError(f"expected a variant that runs here, one of {variants()}, got {name!r}")


cdef class Memory:
    """Arena and scratch of one thread, zeroed, on 64-byte lines. Pages that no step touches cost nothing."""

    cdef lcnn_block block
    cdef float *arena
    cdef float *scratch

    def __cinit__(self, int64_t arena, int64_t scratch):
        self.block = lcnn_allocate(<size_t>(arena + scratch) * sizeof(float))
        if self.block.start == NULL:
            raise MemoryError(f"no memory for {4 * (arena + scratch)} bytes of activations")
        self.arena = <float *>self.block.start
        self.scratch = self.arena + arena

    def __dealloc__(self):
        lcnn_release(self.block)


cdef class Constants:
    """Weights and lookups of one program, each on 64-byte lines, side by side in few blocks on large pages.

    What is read once a run is then found without a walk through the page tables for every 4 KiB.
    """

    cdef list blocks
    cdef char *free
    cdef size_t left

    def __cinit__(self):
        self.blocks = []
        self.left = 0

    cdef void *take(self, size_t bytes_) except NULL:
        """Room for ``bytes_``, zeroed, as long as this object lives."""
        bytes_ = (bytes_ + 63) // 64 * 64
        if bytes_ > self.left:
            size = max(bytes_, min(<size_t>SMALL_BLOCK << min(len(self.blocks), 16), <size_t>LARGE_BLOCK))
            memory = Memory(size // sizeof(float), 0)
            self.blocks.append(memory)
            self.free, self.left = <char *>(<Memory>memory).arena, size
        cdef char *taken = self.free
        self.free += bytes_
        self.left -= bytes_
        return taken


cdef void set_map(lcnn_map *target, source) except *:
    (target.offset, target.plane, target.row, target.channels, target.height, target.width, target.top, target.bottom,
     target.left, target.right) = source


cdef class Program:
    """Steps for one variant. Build with the methods below, then :meth:`seal`, then :meth:`run` from any thread."""

    # As in lcnn_variant; conv_lanes: filters a convolution block may have.
    cdef readonly int64_t width, max_tile, conv_lanes, patch_filters, patch_pixels, dense_unit
    cdef readonly bint groups
    cdef const lcnn_variant *variant
    cdef lcnn_call *steps
    cdef int64_t count, room, slot, input_size, arena, scratch, outputs
    cdef list idle
    cdef dict copies
    cdef Constants constants

    def __cinit__(self, str variant):
        self.variant = find_variant(variant)
        self.width, self.max_tile, self.groups = self.variant.capabilities.width, self.variant.capabilities.max_tile, self.variant.capabilities.alignments
        self.conv_lanes = self.variant.capabilities.conv_lanes
        self.patch_filters, self.patch_pixels = self.variant.capabilities.patch_filters, self.variant.capabilities.patch_pixels
        self.dense_unit = self.variant.capabilities.dense_unit
        self.steps = NULL
        self.constants = Constants()
        self.copies = {}
        self.idle = []

    def __dealloc__(self):
        free(self.steps)

    def begin_step(self, slot):
        """What is added from now on counts its time as that of step number ``slot`` of the plan."""
        self.slot = slot

    cdef lcnn_call *append(self, lcnn_kernel kernel, int64_t units, int64_t work) except NULL:
        cdef lcnn_call *grown
        if self.count == self.room:
            self.room = 2 * self.room + 16
            grown = <lcnn_call *>realloc(self.steps, <size_t>self.room * sizeof(lcnn_call))
            if grown == NULL:
                raise MemoryError("no memory for the steps of a program")
            self.steps = grown
        cdef lcnn_call *step = &self.steps[self.count]
        memset(step, 0, sizeof(lcnn_call))
        step.kernel = kernel
        step.units = units
        step.step = self.slot
        step.work = work
        self.count += 1
        return step

    def zeros(self, shape, dtype=np.float32):
        """Zeros on 64-byte lines in the program's own memory, for weights to be packed where they stay. Not to be used
        once the program is gone."""
        cdef int64_t size = max(1, math.prod(shape) * np.dtype(dtype).itemsize)
        cdef char[::1] view = <char[:size]><char *>self.constants.take(<size_t>size)
        return np.frombuffer(view, dtype, math.prod(shape)).reshape(shape)

    cdef const float *floats(self, array) except? NULL:
        """Pointer to a float32 copy of ``array``, which the program keeps."""
        return NULL if array is None else <const float *>self.shared(array, np.float32)

    cdef const void *packed(self, array) except NULL:
        """Pointer to weights of :meth:`zeros`."""
        return <const void *><uintptr_t>array.ctypes.data

    cdef const int32_t *integers(self, array) except? NULL:
        """Pointer to an int32 copy of ``array``, which the program keeps: nobody can change a proved offset later."""
        return <const int32_t *>self.shared(np.asarray(array), np.int32)

    cdef void *shared(self, array, dtype) except NULL:
        """Pointer to a copy of ``array``, one for all steps that are given the same array."""
        known, address = self.copies.get(id(array), (None, 0))
        if known is None or known() is not array:
            copy = self.zeros((array.size,), dtype)
            copy[:] = array.reshape(-1)
            address = copy.ctypes.data
            self.copies[id(array)] = weakref.ref(array), address
        return <void *><uintptr_t>address

    def add_arrange(self, *, source, strides, picture, origin, step, phases, size, target, plane):
        """``strides``: (channel, row, x) of the source; ``picture``: its (H, W, C); ``origin``: (top, left);
        ``step``: (sh, sw); ``phases``: [(y, x), ...]; ``size``: (rows, columns) of a phase."""
        work = picture[2] * len(phases) * size[0] * size[1]
        cdef lcnn_call *s = self.append(self.variant.kernels[LCNN_KERNEL_space_to_depth], size[0], work)
        s.u.space_to_depth.source = source
        s.u.space_to_depth.channel_stride, s.u.space_to_depth.row_stride, s.u.space_to_depth.x_stride = strides
        s.u.space_to_depth.height, s.u.space_to_depth.width, s.u.space_to_depth.channels = picture
        s.u.space_to_depth.top, s.u.space_to_depth.left = origin
        s.u.space_to_depth.stride_h, s.u.space_to_depth.stride_w = step
        s.u.space_to_depth.phases = len(phases)
        s.u.space_to_depth.phase_y = self.integers([phase[0] for phase in phases])
        s.u.space_to_depth.phase_x = self.integers([phase[1] for phase in phases])
        s.u.space_to_depth.rows, s.u.space_to_depth.columns = size
        s.u.space_to_depth.target = target
        s.u.space_to_depth.plane = plane

    def add_emit(self, source, *, output=-1, target=0):
        size = source.height * source.width * source.channels
        cdef lcnn_call *s = self.append(self.variant.kernels[LCNN_KERNEL_to_nhwc], source.height, size)
        set_map(&s.in_[0], source)
        s.u.to_nhwc.output = output
        s.u.to_nhwc.target = target

    def add_dictionary(self, dictionary, *, columns, x, x_plane, s, s_plane):
        k, m = dictionary.shape
        block = lcnn_sgemm_columns(k, columns, m)
        cdef lcnn_call *t = self.append(self.variant.kernels[LCNN_KERNEL_dictionary], -(-columns // block), k * m * columns)
        t.u.dictionary.dictionary = self.floats(dictionary)
        t.u.dictionary.k, t.u.dictionary.m = k, m
        t.u.dictionary.columns, t.u.dictionary.block = columns, block
        t.u.dictionary.x, t.u.dictionary.x_plane = x, x_plane
        t.u.dictionary.s, t.u.dictionary.s_plane = s, s_plane

    def add_lookup(self, out, *, indptr, offsets, coefficients, bias, order, shifts, keep, s, s_row, tile, vectors,
                   filters_per_unit, activation, alpha):
        """``indptr`` (blocks * filters * groups + 1,), ``shifts`` (groups,), ``keep`` (vectors * width,) or None.
        ``tile`` 0: the gathering kernel for a few pixels, which alone needs ``order`` and takes one block and group."""
        filters = len(bias)
        units = -(-filters // filters_per_unit) * (-(-vectors // tile) if tile else 1)
        work = len(offsets) * (vectors * self.variant.capabilities.width if tile else out.height * out.width)
        cdef lcnn_call *t = self.append(self.variant.kernels[LCNN_KERNEL_lookup_tile] if tile else self.variant.kernels[LCNN_KERNEL_lookup_gather], units, work)
        set_map(&t.out, out)
        t.u.lookup.indptr = self.integers(indptr)
        t.u.lookup.offsets = self.integers(offsets)
        t.u.lookup.coefficients = self.floats(coefficients)
        t.u.lookup.bias = self.floats(bias)
        t.u.lookup.order = NULL if order is None else self.integers(order)
        t.u.lookup.shifts = self.integers(shifts)
        t.u.lookup.mask = NULL if keep is None else self.integers(keep)
        t.u.lookup.filters, t.u.lookup.filters_per_unit = filters, filters_per_unit
        t.u.lookup.alignments = len(shifts)
        t.u.lookup.blocks = (len(indptr) - 1) // (filters * len(shifts))
        t.u.lookup.s, t.u.lookup.s_row = s, s_row
        t.u.lookup.tile, t.u.lookup.vectors = tile, vectors
        t.u.lookup.activation, t.u.lookup.alpha = activation, alpha

    def add_conv(self, in_, out, *, patches, weights, bias, offsets, group_filters, strides, padding, pixels_per_unit,
                 activation, alpha):
        """``weights`` packed (groups, blocks, channels a group, kh, kw, lanes); ``bias`` (groups, blocks, lanes);
        ``offsets`` (channels of a pass, kh, kw)."""
        groups, blocks, channels, kh, kw, lanes = weights.shape
        chunks = -(-(out.height * out.width) // pixels_per_unit)
        cdef lcnn_kernel kernel = self.variant.kernels[LCNN_KERNEL_conv_patches] if patches else self.variant.kernels[LCNN_KERNEL_conv]
        units = groups * chunks * (1 if patches else blocks)
        cdef lcnn_call *t = self.append(kernel, units, out.height * out.width * out.channels * channels * kh * kw)
        set_map(&t.in_[0], in_)
        set_map(&t.out, out)
        t.u.conv.weights = <const float *>self.packed(weights)
        t.u.conv.bias = self.floats(bias)
        t.u.conv.groups, t.u.conv.blocks, t.u.conv.lanes = groups, blocks, lanes
        t.u.conv.group_filters, t.u.conv.group_channels = group_filters, channels
        t.u.conv.offsets = self.integers(offsets)
        t.u.conv.channels_per_pass, t.u.conv.taps = len(offsets), kh * kw
        t.u.conv.stride_h, t.u.conv.stride_w = strides
        t.u.conv.top, t.u.conv.left = padding[0], padding[2]
        t.u.conv.pixels_per_unit, t.u.conv.pixel_chunks = pixels_per_unit, chunks
        t.u.conv.activation, t.u.conv.alpha = activation, alpha

    def add_nonzeros(self, in_, *, list):
        cdef lcnn_call *t = self.append(self.variant.kernels[LCNN_KERNEL_nonzeros], 1, in_.channels)
        set_map(&t.in_[0], in_)
        t.u.nonzeros.list, t.u.nonzeros.length = list, in_.channels

    def add_dense(self, *, weights, bias, list, units, target, activation, alpha):
        """``weights`` packed (inputs, lanes), float32 or float16; ``bias`` (lanes,); ``target``: where results go."""
        length, lanes = weights.shape
        cdef lcnn_call *t = self.append(self.variant.kernels[LCNN_KERNEL_dense], -(-lanes // self.dense_unit), length * lanes)
        t.u.dense.weights = self.packed(weights)
        t.u.dense.fp16 = weights.dtype == np.float16
        t.u.dense.bias = self.floats(bias)
        t.u.dense.list, t.u.dense.length, t.u.dense.lanes = list, length, lanes
        t.u.dense.units, t.u.dense.target = units, target
        t.u.dense.activation, t.u.dense.alpha = activation, alpha

    def add_pool(self, in_, out, *, mean, size, strides, padding, span):
        cdef lcnn_kernel kernel = self.variant.kernels[LCNN_KERNEL_avg_pool] if mean else self.variant.kernels[LCNN_KERNEL_max_pool]
        cdef lcnn_call *t = self.append(kernel, out.channels, in_.channels * in_.height * in_.width)
        set_map(&t.in_[0], in_)
        set_map(&t.out, out)
        t.u.pool.kernel_h, t.u.pool.kernel_w = size
        t.u.pool.stride_h, t.u.pool.stride_w = strides
        t.u.pool.top, t.u.pool.left = padding[0], padding[2]
        t.u.pool.span = span

    def add_global_pool(self, in_, out, *, mean):
        cdef lcnn_call *t = self.append(
            self.variant.kernels[LCNN_KERNEL_global_avg] if mean else self.variant.kernels[LCNN_KERNEL_global_max], in_.channels,
            in_.channels * in_.height * in_.width,
        )
        set_map(&t.in_[0], in_)
        set_map(&t.out, out)

    def add_pointwise(self, in_, out, *, scale, shift, activation, alpha):
        units = 1 if in_.plane == out.plane == 1 else in_.channels
        cdef lcnn_call *t = self.append(self.variant.kernels[LCNN_KERNEL_pointwise], units, in_.channels * in_.height * in_.width)
        set_map(&t.in_[0], in_)
        set_map(&t.out, out)
        t.u.pointwise.scale = self.floats(scale)
        t.u.pointwise.shift = self.floats(shift)
        t.u.pointwise.activation, t.u.pointwise.alpha = activation, alpha

    def add_combine(self, in_, second, out, *, product, activation, alpha):
        units = 1 if in_.plane == second.plane == out.plane == 1 else out.channels
        cdef lcnn_kernel kernel = self.variant.kernels[LCNN_KERNEL_multiply] if product else self.variant.kernels[LCNN_KERNEL_add]
        cdef lcnn_call *t = self.append(kernel, units, out.channels * out.height * out.width)
        set_map(&t.in_[0], in_)
        set_map(&t.in_[1], second)
        set_map(&t.out, out)
        t.u.pointwise.activation, t.u.pointwise.alpha = activation, alpha

    def add_lrn(self, in_, out, *, radius, bias, alpha, beta):
        cdef lcnn_call *t = self.append(
            self.variant.kernels[LCNN_KERNEL_lrn], out.height, in_.channels * in_.height * in_.width * (2 * min(radius, in_.channels) + 1)
        )
        set_map(&t.in_[0], in_)
        set_map(&t.out, out)
        t.u.lrn.radius = min(radius, in_.channels)
        t.u.lrn.bias, t.u.lrn.alpha, t.u.lrn.beta = bias, alpha, beta

    def add_softmax(self, in_, out):
        cdef lcnn_call *t = self.append(self.variant.kernels[LCNN_KERNEL_softmax], in_.height, 10 * in_.channels * in_.height * in_.width)
        set_map(&t.in_[0], in_)
        set_map(&t.out, out)

    def __len__(self):
        """Number of steps."""
        return self.count

    def seal(self, *, input_size, outputs, arena, scratch):
        """Fix the sizes, in floats, of one picture, the arena and a thread's scratch, and the number of results."""
        self.input_size, self.outputs, self.arena, self.scratch = input_size, outputs, arena, scratch
        self.copies.clear()

    def run(self, const float[::1] pictures, list outputs, int threads, double[::1] seconds=None):
        """Run pictures (flat, one after the other) into ``outputs``, flat float32 arrays of all their results.

        ``seconds`` has each step's time added to it. Returns False, and stops, where a number is not finite.
        """
        cdef lcnn_memory memory[THREADS_LIMIT]
        cdef float **results = NULL
        cdef float[::1] result
        cdef Memory part
        cdef lcnn_program program
        cdef double *times = NULL if seconds is None else &seconds[0]
        cdef int64_t count = pictures.shape[0] // self.input_size
        cdef int64_t i
        cdef int failed
        taken = []
        try:
            results = <float **>malloc(<size_t>(self.outputs + 1) * sizeof(float *))
            if results == NULL:
                raise MemoryError("no memory for the addresses of results")
            for i in range(self.outputs):
                result = outputs[i]
                results[i] = &result[0]
            for i in range(threads):
                part = self.take_memory()
                taken.append(part)
                memory[i].arena = part.arena
                memory[i].scratch = part.scratch
            program.calls = self.steps
            program.count = self.count
            program.input_size = self.input_size
            with nogil:
                failed = lcnn_run(&program, memory, threads, &pictures[0], count, results, times)
        finally:
            free(results)
            self.idle.extend(taken)
        return not failed

    cdef Memory take_memory(self):
        try:
            return self.idle.pop()
        except IndexError:
            return Memory(self.arena, self.scratch)
