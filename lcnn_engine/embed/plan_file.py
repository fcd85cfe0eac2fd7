"""Plans in one file, for the C library (``library.py``): little-endian, its format in docs/c-library.md.

The library proves every call when it opens the file; what is written here need only be true.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import SettingError
from ..kernels import ACTIVATION_CODES, CONSTANTS, LAYOUTS, capabilities
from ..model.graph import MAX_BYTES, POLICIES, Graph, Preprocessing
from ..model.work import MAX_MULTIPLICATIONS, check_work
from ..plan.calls import KernelCall
from ..plan.references import ConstantRef, IsFp16, Map, Place
from ..utils.files import replacing
from .constants import ConstantFile
from .contract import contract
from .plans import EmbeddedPlan, plans_for
from .sources import FILTERS

FORMAT = 1
MAGIC = b"\x89LCNN\r\n\x1a"
PAGE = 4096
DIGEST_FROM, RECORD_FROM = 64, 80  # bytes
MOST_PIXELS = 2**20  # of an edge of a picture, in the library

_KERNELS = {kernel: number for number, kernel in enumerate(LAYOUTS)}
FILTER_CODES = {name: code for code, name in enumerate(FILTERS.values(), start=1)}  # as lcnn_resample; 0: no resize
_NO_MAP = Map(Place(-1, 0), *[0] * 9)


def write_plan(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    path: str | os.PathLike[str],
    *,
    isa: Sequence[str] | None = None,
    precision: str = "float32",
    max_bytes: int = MAX_BYTES,
    max_multiplications: int = MAX_MULTIPLICATIONS,
) -> None:
    """Write a model's plans to a file that the C library opens, one for each instruction set.

    ``graph`` and ``tensors`` are as ``read_model`` gives them. ``isa``: the instruction sets to write plans for
    (default: all of this build); the fastest that a processor runs is chosen when the file is opened. ``precision``: as
    in ``Net.load``; an instruction set without it computes in float32. ``max_bytes`` bounds the memory of a context,
    ``max_multiplications`` the work of one input.

    The file is whole or not there. Raises SettingError for an unknown instruction set or precision, or pictures too
    large for the library, ModelFormatError where ``max_bytes`` or ``max_multiplications`` is passed, OSError where
    nothing can be written.
    """
    check_work(graph, {name: array.shape for name, array in tensors.items()}, max_multiplications)
    data = plan_bytes(graph, plans_for(graph, tensors, isa, precision, max_bytes))
    with replacing(path) as stream:
        stream.write(data)


def plan_bytes(graph: Graph, plans: Sequence[EmbeddedPlan]) -> bytes:
    """Give the file's bytes, the same for equal plans."""
    constants = ConstantFile()
    record = _Record()
    _write_model(record, graph)
    record.int(len(plans))
    for plan in plans:
        inner = _Record()
        _write_plan(inner, plan, constants.add(plan.constants))
        record.string(plan.variant)
        record.string(plan.precision)
        record.int(len(inner.data))
        record.data += inner.data
    packed = constants.data()
    offset = -(-(RECORD_FROM + len(record.data)) // PAGE) * PAGE
    size = offset + len(packed) + PAGE
    rest = struct.pack("<QQ", offset, len(packed)) + bytes(record.data)
    rest += bytes(offset - DIGEST_FROM - len(rest)) + packed + bytes(PAGE)
    head = struct.pack("<8sQQQ", MAGIC, FORMAT, size, contract()) + hashlib.sha256(rest).digest()
    return head + rest


class _Record:
    """Words of 8 bytes, the lowest byte first."""

    def __init__(self) -> None:
        self.data = bytearray()

    def int(self, *numbers: int) -> None:
        self.data += struct.pack(f"<{len(numbers)}q", *numbers)

    def float(self, *numbers: float) -> None:
        """Write float32 numbers as doubles, which keep their bits."""
        self.data += struct.pack(f"<{len(numbers)}d", *map(float, np.array(numbers, np.float32)))

    def string(self, text: str) -> None:
        """Write the bytes, their number before them, and zeros behind them: one at least."""
        encoded = text.replace("\0", "\ufffd").encode()
        self.int(len(encoded))
        self.data += encoded + bytes(8 - len(encoded) % 8)


def _write_model(record: _Record, graph: Graph) -> None:
    record.string(graph.name)
    record.int(*graph.input.shape)
    record.int(len(graph.output_shape), *graph.output_shape)
    _write_preprocessing(record, graph.preprocessing, graph.input.shape)
    labels = graph.labels or ()
    record.int(len(labels))
    for label in labels:
        record.string(label)


def _write_preprocessing(record: _Record, rule: Preprocessing | None, shape: Sequence[int]) -> None:
    record.int(int(rule is not None))
    if rule is None:
        return
    resample, policy, size, antialias = 0, 0, (0, 0), True
    if rule.resize is not None:
        resample = FILTER_CODES[FILTERS[rule.resize.resample, rule.resize.is_rounded]]
        policy, size, antialias = POLICIES.index(rule.resize.policy), rule.resize.min_size, rule.resize.antialias
    largest = max(*size, *shape[:2])
    if largest > MOST_PIXELS:
        raise SettingError(f"expected pictures of at most {MOST_PIXELS} pixels in a row or column, found {largest}")
    record.int(resample, policy, *size, int(antialias), int(rule.crop is not None))
    record.float(rule.scale)
    for numbers in (rule.mean, rule.std):
        record.float(*numbers, *[1.0] * (3 - len(numbers)))


def _write_plan(record: _Record, plan: EmbeddedPlan, constants: Sequence[int]) -> None:
    record.int(*capabilities(plan.variant))
    record.int(plan.arena, plan.scratch, len(plan.calls))
    writer = _Calls(record, plan, constants)
    for call in plan.calls:
        writer.call(call)


class _Calls:
    """Knows where everything lies; ``constants``: the offset of each constant in bytes."""

    def __init__(self, record: _Record, plan: EmbeddedPlan, constants: Sequence[int]) -> None:
        self._record = record
        self._plan = plan
        self._constants = constants

    def call(self, call: KernelCall) -> None:
        """Write a kernel's number, its units, two maps that it reads and one that it writes, and its fields."""
        self._record.int(_KERNELS[call.kernel], call.units)
        maps = [*call.inputs, *[_NO_MAP] * (CONSTANTS["MAX_INPUTS"] - len(call.inputs)), call.output or _NO_MAP]
        for map_ in maps:
            self._record.int(self._offset(map_.offset), *map_[1:])
        for value, (_, type_) in zip(call.fields, LAYOUTS[call.kernel], strict=True):
            if type_ == "float":
                assert isinstance(value, (int, float))
                self._record.float(value)
            else:
                self._record.int(self._number(value, type_))

    def _offset(self, place: Place) -> int:
        return -1 if place.buffer < 0 else self._plan.offsets[place.buffer] + place.offset

    def _number(self, value: Any, type_: str) -> int:
        if isinstance(value, Place):
            return self._offset(value)
        if isinstance(value, ConstantRef):
            return self._constants[value.number]
        if isinstance(value, IsFp16):
            return int(self._plan.constants[value.number].array.dtype.itemsize == 2)
        if isinstance(value, str):
            return ACTIVATION_CODES[value]
        if value is None:
            return -1 if type_ in ("ints", "floats", "weights") else 0
        return int(value)
