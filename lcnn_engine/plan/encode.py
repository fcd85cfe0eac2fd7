"""Calls as bytes: constants packed and placed, places resolved, structs appended. The last step before a plan can run.

The layout of each kernel's struct comes from ``kernels.LAYOUTS``, which C makes of the lists that its structs are made
of: nothing here knows a field by name.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from ..kernels import ACTIVATION_CODES, CALL_SIZE, CONSTANTS, LAYOUTS
from .calls import KernelCall
from .packing import Allocate, Constant, PackedConstant, pack
from .references import ConstantRef, IsFp16, Map, Place

_CODES = {"int": "q", "place": "q", "ints": "P", "floats": "P", "weights": "P", "float": "f", "act": "i"}
_NUMBERS = {kernel: number for number, kernel in enumerate(LAYOUTS)}
_MAP_FIELDS = len(Map._fields)
_NO_MAP = (0,) * _MAP_FIELDS
_MAX_INPUTS = CONSTANTS["MAX_INPUTS"]
_HEAD = struct.Struct(f"@qqqq{(_MAX_INPUTS + 1) * _MAP_FIELDS}q")  # kernel, units, step, work; inputs, output


def pack_constants(constants: list[Constant], zeros: Allocate) -> tuple[PackedConstant, ...]:
    """Pack every constant where ``zeros`` makes room, emptying the list: an array can go once it is packed."""
    packed = []
    constants.reverse()
    while constants:
        packed.append(pack(constants.pop(), zeros))
    return tuple(packed)


def encode(calls: Sequence[KernelCall], offsets: Sequence[int], constants: Sequence[PackedConstant]) -> bytes:
    """Make the structs of ``calls``, for buffers at ``offsets`` (floats) and ``constants`` where they lie.

    Raises ValueError for a kernel that there is not, and for fields that are not those of its struct.
    """
    encoder = _Encoder(offsets, constants)
    return b"".join(encoder.call(call) for call in calls)


class _Encoder:
    """Knows where everything lies."""

    def __init__(self, offsets: Sequence[int], constants: Sequence[PackedConstant]) -> None:
        self._offsets = offsets
        self._constants = constants
        self._structs: dict[str, struct.Struct] = {}
        self._resolve: dict[type, Callable[[Any], float]] = {
            int: lambda value: value,
            float: lambda value: value,
            bool: int,
            str: ACTIVATION_CODES.__getitem__,
            type(None): lambda value: 0,
            Place: self._offset,
            ConstantRef: lambda value: constants[value.number].address,
            IsFp16: lambda value: int(constants[value.number].array.dtype.itemsize == 2),
        }

    def call(self, call: KernelCall) -> bytes:
        """Make the struct of one call."""
        fields = self._struct(call).pack(*(self._resolve[type(value)](value) for value in call.fields))
        maps = [self._map(map_) for map_ in call.inputs]
        maps += [_NO_MAP] * (_MAX_INPUTS - len(maps))
        maps.append(_NO_MAP if call.output is None else self._map(call.output))
        head = _HEAD.pack(
            _NUMBERS[call.kernel], call.units, call.step, call.work, *(number for map_ in maps for number in map_)
        )
        return (head + fields).ljust(CALL_SIZE, b"\0")

    def _offset(self, place: Place) -> int:
        return -1 if place.buffer < 0 else self._offsets[place.buffer] + place.offset

    def _map(self, map_: Map) -> tuple[int, ...]:
        return (self._offset(map_.offset), *map_[1:])

    def _struct(self, call: KernelCall) -> struct.Struct:
        found = self._structs.get(call.kernel)
        if found is None:
            layout = LAYOUTS.get(call.kernel)
            if layout is None:
                raise ValueError(f"expected a kernel of LCNN_KERNELS in csrc/calls.h, found {call.kernel!r}")
            if call.fields._fields != tuple(name for name, _ in layout):
                raise ValueError(
                    f"kernel {call.kernel}: expected the fields {[name for name, _ in layout]} of its struct, found "
                    f"{list(call.fields._fields)}"
                )
            found = self._structs[call.kernel] = struct.Struct("@" + "".join(_CODES[type_] for _, type_ in layout))
        return found
