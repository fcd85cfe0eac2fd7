"""What rounding to bfloat16 does to a number."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lcnn_engine.model.bfloat16 import round_to_bfloat16
from tests.helpers.kernel_cases import seeded


def nearest(x: float) -> float:
    """Round by exact arithmetic: to 8 significant bits, halves to even."""
    mantissa, exponent = np.frexp(x)
    return float(np.ldexp(round(Fraction(float(mantissa)) * 256), int(exponent) - 8))


def test_numbers_become_the_nearest_of_eight_bits() -> None:
    rng = seeded("rounding")
    x = (rng.standard_normal(4000) * 10.0 ** rng.integers(-30, 30, 4000)).astype(np.float32)
    halves = np.array([1 + i / 256 for i in range(256)], np.float32)  # every other one lies between two
    for numbers in (x, halves, -halves):
        assert round_to_bfloat16(numbers).tolist() == [nearest(float(number)) for number in numbers]


def test_what_is_rounded_stays() -> None:
    x = round_to_bfloat16(seeded("again").standard_normal((5, 4, 3)).astype(np.float32))
    assert np.array_equal(round_to_bfloat16(x), x)
    assert x.shape == (5, 4, 3)


@pytest.mark.parametrize(
    ("number", "rounded"),
    [
        (0.0, 0.0), (-0.0, -0.0), (np.inf, np.inf), (-np.inf, -np.inf), (3.3895e38, 3.3895314e38), (3.4e38, np.inf),
        (-3.4e38, -np.inf), (1e-39, 0.0), (-1e-45, -0.0), (1.1754944e-38, 1.1754944e-38),
    ],
)  # fmt: skip
def test_ends_of_the_range(number: float, rounded: float) -> None:
    found = round_to_bfloat16(np.array([number], np.float32))
    assert found.tobytes() == np.array([rounded], np.float32).tobytes()


def test_nan_stays_nan() -> None:
    bits = np.array([0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001, 0xFF800001], np.uint32)
    assert np.isnan(round_to_bfloat16(bits.view(np.float32))).all()
