"""Rounding to bfloat16 in C, as weights are packed, against the definition."""

from __future__ import annotations

import numpy as np

from lcnn_engine.kernels import to_bf16
from lcnn_engine.model.bfloat16 import to_bits
from tests.helpers.kernel_cases import seeded


def test_every_upper_half_with_every_kind_of_lower_half() -> None:
    upper = np.arange(2**16, dtype=np.uint32) << 16
    for lower in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF):
        numbers = (upper | np.uint32(lower)).view(np.float32)
        assert np.array_equal(to_bf16(numbers), to_bits(numbers))


def test_shapes_are_kept() -> None:
    array = seeded("to_bf16").standard_normal((3, 5, 7)).astype(np.float32)
    assert np.array_equal(to_bf16(array), to_bits(array))
    assert to_bf16(np.empty((0, 3), np.float32)).shape == (0, 3)
