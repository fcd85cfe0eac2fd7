# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""A program: the kernel calls of a plan, encoded, run without the GIL.

Encoded calls are structs of csrc/calls.h with the number of their kernel in the place of its address: plan/encode.py
makes them by the LAYOUTS given here. What they say was proved by the plan.

Nothing here leans on the GIL: what a Program shares between its callers is the list of idle memory, whose `pop` and
`extend` are each one step, also in a free-threaded interpreter.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint16_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from .declarations cimport (
    LCNN_AS_BF16, LCNN_AS_FP16, LCNN_KEPT, LCNN_KERNEL_COUNT, LCNN_MAX_THREADS, lcnn_activation_names, lcnn_allocate,
    lcnn_blas_use_cblas, lcnn_blas_use_fortran, lcnn_block, lcnn_call, lcnn_capability_names, lcnn_constant_names,
    lcnn_constant_values, lcnn_conversion, lcnn_field, lcnn_fits_fp16, lcnn_interrupted, lcnn_layouts, lcnn_memory,
    lcnn_program, lcnn_release, lcnn_run, lcnn_sgemm_columns, lcnn_to_bf16, lcnn_transpose, lcnn_variant,
    lcnn_variant_needs, lcnn_variant_runs_here, lcnn_variants,
)

import math
from threading import get_ident, main_thread

import numpy as np

include "tables.pxi"
include "memory.pxi"
include "weights.pxi"


cdef int call_signal_handlers() except -1 nogil:
    """Let Python's handlers of signals run, of which Ctrl-C's raises; nobody else calls them during a run."""
    with gil:
        return PyErr_CheckSignals()


cdef class Program:
    """Encoded ``calls`` (a multiple of CALL_SIZE bytes) for one variant; :meth:`run` it from any thread.

    ``constants`` is the memory that the calls point into. ``input_size``, ``arena`` and ``scratch`` are floats: of one
    image, of the activations and of one thread's scratch; ``outputs`` is the number of results.
    """

    cdef lcnn_call *calls
    cdef int64_t count, input_size, arena, scratch, outputs
    cdef list idle
    cdef ConstantMemory constants

    def __cinit__(self, str variant, const unsigned char[::1] calls, ConstantMemory constants, *, int64_t input_size,
                  int64_t outputs, int64_t arena, int64_t scratch):
        self.calls = NULL
        self.count = calls.shape[0] // <int64_t>sizeof(lcnn_call)
        self.constants = constants
        self.input_size, self.outputs, self.arena, self.scratch = input_size, outputs, arena, scratch
        self.idle = []
        if calls.shape[0] != self.count * <int64_t>sizeof(lcnn_call) or self.count == 0:
            raise ValueError(f"expected calls of {sizeof(lcnn_call)} bytes each, got {calls.shape[0]} bytes")
        self.calls = <lcnn_call *>malloc(<size_t>calls.shape[0])
        if self.calls == NULL:
            raise MemoryError("no memory for the calls of a program")
        memcpy(self.calls, &calls[0], <size_t>calls.shape[0])
        self.link(find_variant(variant))

    cdef int link(self, const lcnn_variant *variant) except -1:
        """Put the address of each call's kernel in the place of its number."""
        cdef int64_t i, kernel
        for i in range(self.count):
            kernel = <int64_t><uintptr_t>self.calls[i].kernel
            if not 0 <= kernel < LCNN_KERNEL_COUNT:
                raise ValueError(f"expected the number of a kernel below {LCNN_KERNEL_COUNT}, got {kernel}")
            self.calls[i].kernel = variant.kernels[kernel]
        return 0

    def __dealloc__(self):
        free(self.calls)

    def run(self, images, outputs, int threads, double[::1] seconds=None):
        """Run images (one after the other) into ``outputs``, arrays of all their results; all float32 in C order.

        ``seconds`` has each step's time added to it. Returns False, and stops, where a number is not finite. Raises
        what a handler of a signal raises, KeyboardInterrupt above all; the outputs are then without meaning.
        """
        cdef double *times = NULL if seconds is None else &seconds[0]
        return self.compute(floats_of(images, 0), [floats_of(out, PyBUF_WRITABLE) for out in outputs], threads, times)

    def run_plain(self, image, out, int threads):
        """Run one ``image`` of the right shape into ``out``, of the right shape, where both are plain.

        Returns False where they are not (float32, in C order, apart from one another), and where a number is not
        finite: that is for the caller to tell. It is the shortest way, for networks that take microseconds.
        """
        cdef Floats source, result
        try:
            source, result = floats_of(image, 0), floats_of(out, PyBUF_WRITABLE)
        except (ValueError, BufferError):
            return False
        if source.start < result.start + result.size and result.start < source.start + source.size:
            return False
        return self.compute(source, [result], threads, NULL)

    cdef bint compute(self, Floats source, list outputs, int threads, double *times) except -1:
        cdef lcnn_memory memory[LCNN_MAX_THREADS]
        cdef float **results = NULL
        cdef Memory part
        cdef lcnn_program program
        cdef int64_t count = source.size // self.input_size
        cdef int64_t i
        cdef int failed
        cdef lcnn_interrupted interrupted = NULL
        if get_ident() == main_thread().ident:  # Python calls handlers in no other, which need not wait for the GIL
            interrupted = call_signal_handlers
        taken = []
        try:
            results = <float **>malloc(<size_t>(self.outputs + 1) * sizeof(float *))
            if results == NULL:
                raise MemoryError("no memory for the addresses of results")
            for i in range(self.outputs):
                results[i] = (<Floats>outputs[i]).start
            for i in range(threads):
                part = self.take_memory()
                taken.append(part)
                memory[i].arena = part.arena
                memory[i].scratch = part.scratch
            program.calls = self.calls
            program.count = self.count
            program.input_size = self.input_size
            with nogil:
                failed = lcnn_run(&program, memory, threads, source.start, count, results, times, interrupted)
        finally:
            free(results)
            self.idle.extend(taken)
        return not failed

    cdef Memory take_memory(self):
        try:
            return self.idle.pop()
        except IndexError:
            return Memory(self.arena, self.scratch)
