"""Constants of several plans in one file."""

from __future__ import annotations

import numpy as np

from lcnn_engine.embed.constants import ConstantFile
from lcnn_engine.plan.packing import PackedConstant, Packing


def constant(*numbers: float) -> PackedConstant:
    return PackedConstant("c", Packing.FLOATS, np.array(numbers, np.float32))


def test_arrays_lie_on_lines_and_equal_ones_once() -> None:
    file = ConstantFile()
    first = file.add([constant(1, 2), constant(*range(17)), constant()])
    second = file.add([constant(*range(17)), constant(3), constant(1, 2)])
    assert first == [0, 64, 192]
    assert second == [64, 192, 0]
    data = file.data()
    assert len(data) % 64 == 0
    assert len(data) == file.size + 64
    assert np.frombuffer(data, np.float32, 17, 64).tolist() == list(range(17))


def test_vectors_may_be_loaded_past_the_last_array() -> None:
    file = ConstantFile()
    (place,) = file.add([constant(5)])
    assert file.data()[place + 4 :] == bytes(124)
