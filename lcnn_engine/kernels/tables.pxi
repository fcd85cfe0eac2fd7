# What the C side lists, as Python values: variants and their capabilities, kernels and the layouts of their calls.


cdef list names_of(const char *const *names):
    """Strings of a list that NULL ends."""
    cdef int i = 0
    found = []
    while names[i] != NULL:
        found.append(names[i].decode())
        i += 1
    return found


cdef dict constants_of_c():
    names = names_of(lcnn_constant_names())
    return {name: lcnn_constant_values()[i] for i, name in enumerate(names)}


cdef dict layouts_of_c():
    cdef const lcnn_field *field
    cdef int i
    layouts = {}
    for i in range(LCNN_KERNEL_COUNT):
        fields = []
        field = lcnn_layouts()[i].fields
        while field.name != NULL:
            fields.append((field.name.decode(), field.type.decode()))
            field += 1
        layouts[lcnn_layouts()[i].kernel.decode()] = tuple(fields)
    return layouts


CONSTANTS = constants_of_c()  # of csrc/constants.h, by name
ACTIVATION_CODES = {name: code for code, name in enumerate(names_of(lcnn_activation_names()))}
LAYOUTS = layouts_of_c()  # kernel -> ((field, type), ...), in the order of LCNN_KERNELS and of the C struct
CALL_SIZE = sizeof(lcnn_call)  # bytes


cdef extern from *:
    """
    #ifndef LCNN_KNOWN_VARIANTS
    #define LCNN_KNOWN_VARIANTS ""
    #endif
    """
    const char *LCNN_KNOWN_VARIANTS


KNOWN_VARIANTS = tuple(LCNN_KNOWN_VARIANTS.decode().split())  # for machines like this one, built or not, fastest first


def variants():
    """Every variant of this build, fastest first: [(name, runs on this processor), ...]."""
    cdef const lcnn_variant *const *list_ = lcnn_variants()
    cdef int i = 0
    found = []
    while list_[i] != NULL:
        found.append((list_[i].name.decode(), bool(lcnn_variant_runs_here(list_[i]))))
        i += 1
    return found


def capabilities_of(str variant):
    """What a variant can do: {name of LCNN_CAPABILITIES: number}. Raises ValueError where it was not built."""
    cdef const lcnn_variant *found = find_built(variant)
    cdef const int64_t *numbers = <const int64_t *>&found.capabilities
    return {name: numbers[i] for i, name in enumerate(names_of(lcnn_capability_names()))}


def needs_of(str variant):
    """The machine that a variant is for, or any, and the features that it needs. Raises ValueError."""
    machine, *features = lcnn_variant_needs(find_built(variant)).decode().split()
    return machine, features


cdef const lcnn_variant *find_built(str name) except NULL:
    cdef const lcnn_variant *const *list_ = lcnn_variants()
    cdef int i = 0
    while list_[i] != NULL:
        if list_[i].name.decode() == name:
            return list_[i]
        i += 1
    known = ", ".join(known for known, _ in variants())
    raise ValueError(f"expected a variant of this build, one of {known}, got {name!r}")


cdef const lcnn_variant *find_variant(str name) except NULL:
    cdef const lcnn_variant *found = find_built(name)
    if not lcnn_variant_runs_here(found):
        known = ", ".join(known for known, runs in variants() if runs)
        raise ValueError(f"expected a variant that runs here, one of {known}, got {name!r}")
    return found


def use_cblas(uintptr_t address, bint wide):
    """Compute dictionaries with the ``cblas_sgemm`` at ``address``; ``wide``: its integers have 64 bits."""
    lcnn_blas_use_cblas(<void *>address, wide)


def use_fortran(capsule):
    """Compute dictionaries with the Fortran sgemm in a Cython capsule (``scipy.linalg.cython_blas``)."""
    lcnn_blas_use_fortran(PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule)))


def sgemm_columns(int64_t rows, int64_t columns, int64_t depth):
    """Columns of one sgemm call of a product (rows, depth) x (depth, columns), so that OpenBLAS starts no thread."""
    return lcnn_sgemm_columns(rows, columns, depth)


def to_bf16(array):
    """``array``, float32 and C-ordered, rounded to bfloat16: its upper halves, uint16."""
    result = np.empty(array.shape, np.uint16)
    cdef const float[::1] numbers = array.reshape(-1)
    cdef uint16_t[::1] found = result.reshape(-1)
    if numbers.size:
        lcnn_to_bf16(&numbers[0], &found[0], numbers.size)
    return result


def fits_fp16(array):
    """Whether float16 holds every number of ``array``, float32 and C-ordered and finite, just as it is."""
    cdef const float[::1] numbers = array.reshape(-1)
    return not numbers.size or bool(lcnn_fits_fp16(&numbers[0], numbers.size))


def transpose_into(target, matrix):
    """Write the transpose of ``matrix`` (n, m), C-ordered, to the first n columns of ``target`` (m, lanes).

    Of one dtype of 1, 2 or 4 bytes; or float32 to float16, which holds every number, or, as uint16, to bfloat16.
    """
    cdef lcnn_conversion conversion = LCNN_KEPT
    if target.dtype != matrix.dtype:
        conversion = LCNN_AS_FP16 if target.dtype == np.float16 else LCNN_AS_BF16
    cdef const unsigned char[::1] source = matrix.reshape(-1).view(np.uint8)
    cdef unsigned char[::1] room = target.reshape(-1).view(np.uint8)
    cdef int64_t units = matrix.shape[0], length = matrix.shape[1], lanes = target.shape[1]
    cdef int bytes_ = matrix.itemsize
    fits = bytes_ in (1, 2, 4) and target.shape[0] == length and lanes >= units
    if conversion != LCNN_KEPT:
        fits = fits and matrix.dtype == np.float32 and target.dtype in (np.float16, np.uint16)
    if not fits:
        found = f"{matrix.shape} {matrix.dtype}"
        raise ValueError(f"expected {target.shape} {target.dtype} to hold the transpose of {found}")
    if matrix.size:
        with nogil:
            lcnn_transpose(&source[0], units, length, bytes_, conversion, &room[0], lanes)
