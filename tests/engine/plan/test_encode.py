"""Calls as bytes: what is written where, and what is refused. No kernel runs here."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from lcnn_engine.kernels import ACTIVATION_CODES, CALL_SIZE, LAYOUTS, Capabilities, capabilities_of, usable_variants
from lcnn_engine.plan.calls import KernelCall
from lcnn_engine.plan.encode import encode, pack_constants
from lcnn_engine.plan.fields import Dense, NoFields, Pool, ToNhwc
from lcnn_engine.plan.packing import Constant, PackedConstant, Packing
from lcnn_engine.plan.references import INPUT, ConstantRef, IsFp16, Map, Place

MAP = Map(Place(1, 5), 100, 10, 3, 8, 9, 1, 1, 2, 2)


def zeros(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


def test_capabilities_have_the_names_of_c() -> None:
    assert tuple(capabilities_of(usable_variants()[0])) == Capabilities._fields


def test_head_maps_and_fields_stand_where_the_struct_has_them() -> None:
    call = KernelCall(
        7, "max_pool", Pool(3, 2, 2, 1, 1, 0, 12), (MAP,), MAP._replace(offset=Place(0)), units=3, work=99
    )
    found = encode([call], [64, 1000], [])
    assert len(found) == CALL_SIZE
    head = struct.unpack_from("@4q30q7q", found)
    assert head[:4] == (list(LAYOUTS).index("max_pool"), 3, 7, 99)
    assert head[4:14] == (1005, *MAP[1:])
    assert head[14:24] == (0,) * 10
    assert head[24:34] == (64, *MAP[1:])
    assert head[34:] == (3, 2, 2, 1, 1, 0, 12)


def test_constants_activations_and_places_are_resolved() -> None:
    weights = PackedConstant("w", Packing.DENSE, np.zeros((4, 16), np.float16))
    bias = PackedConstant("b", Packing.DENSE_BIAS, np.zeros(16, np.float32))
    fields = Dense(ConstantRef(0), ConstantRef(1), IsFp16(0), Place(0, 3), 4, 16, 5, Place(1), "leaky_relu", 0.25)
    found = encode([KernelCall(0, "dense", fields)], [64, 128], [weights, bias])
    told = struct.unpack_from("@PPqqqqqqif", found, struct.calcsize("@34q"))
    assert told == (weights.address, bias.address, 1, 67, 4, 16, 5, 128, ACTIVATION_CODES["leaky_relu"], 0.25)


def test_what_lies_nowhere_is_minus_one_and_what_is_absent_is_0() -> None:
    call = KernelCall(0, "to_nhwc", ToNhwc(2, None), (MAP._replace(offset=INPUT),))
    found = struct.unpack_from("@36q", encode([call], [], []))
    assert found[4] == -1
    assert found[34:] == (2, 0)


def test_fields_of_another_kernel_are_refused() -> None:
    with pytest.raises(ValueError, match="kernel lrn: expected the fields"):
        encode([KernelCall(0, "lrn", NoFields())], [], [])


def test_a_kernel_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"LCNN_KERNELS in csrc/calls\.h, found 'power'"):
        encode([KernelCall(0, "power", NoFields())], [], [])


def test_arrays_go_as_they_are_packed() -> None:
    constants = [Constant(str(i), Packing.FLOATS, np.arange(i + 1)) for i in range(3)]
    packed = pack_constants(constants, zeros)
    assert constants == []
    assert [constant.array.tolist() for constant in packed] == [[0], [0, 1], [0, 1, 2]]
