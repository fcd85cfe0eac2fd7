# Memory of programs: an arena and scratch for each thread at work, and constants side by side.

cdef enum:
    SMALL_BLOCK = 1 << 16  # bytes: the first block of constants, each further one twice as large
    LARGE_BLOCK = 1 << 23


cdef class Floats:
    """The float32 numbers of an array in C order, held while this object lives: a typed view costs ten times that."""

    cdef Py_buffer view
    cdef float *start
    cdef int64_t size

    def __dealloc__(self):
        PyBuffer_Release(&self.view)


cdef Floats floats_of(array, int flags):
    """Raises ValueError for other numbers, and what the array raises for another order and for PyBUF_WRITABLE."""
    cdef Floats floats = Floats.__new__(Floats)
    PyObject_GetBuffer(array, &floats.view, flags | PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    if floats.view.format == NULL or floats.view.format[0] != b"f" or <uintptr_t>floats.view.buf % sizeof(float):
        raise ValueError("expected float32 numbers, aligned")
    floats.start = <float *>floats.view.buf
    floats.size = floats.view.len // <int64_t>sizeof(float)
    return floats


cdef class Memory:
    """Arena and scratch of one thread, zeroed, on 64-byte lines. Pages that no call touches cost nothing."""

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


cdef class ConstantMemory:
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

    def zeros(self, shape, dtype=np.float32):
        """Zeros of ``shape``, for constants to be packed where they stay. Not to be used once this object is gone."""
        cdef int64_t size = max(1, math.prod(shape) * np.dtype(dtype).itemsize)
        cdef void *start
        with cython.critical_section(self):  # `take` moves on in steps
            start = self.take(<size_t>size)
        cdef char[::1] view = <char[:size]><char *>start
        return np.frombuffer(view, dtype, math.prod(shape)).reshape(shape)
