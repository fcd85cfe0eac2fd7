"""Taps of a resize: no position is rounded to the wrong side, and weights add up."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest

from lcnn_engine.model.graph import COORDINATES, ROUNDINGS, Resize2D
from lcnn_engine.model.interpolation import cubic, taps_of


def resize(size: int, method: str = "nearest", **attributes: object) -> Resize2D:
    return Resize2D(name="a", inputs=("x",), size=(size, 1), method=method, **attributes)


def position(coordinates: str, x: int, size: int, count: int) -> Fraction:
    if coordinates == "align_corners":
        return Fraction(x * (size - 1), max(count - 1, 1))
    if coordinates == "asymmetric":
        return Fraction(x * size, count)
    return (x + Fraction(1, 2)) * Fraction(size, count) - Fraction(1, 2)


ROUND = {
    "floor": floor,
    "ceil": ceil,
    "round_prefer_floor": lambda p: ceil(p - Fraction(1, 2)),
    "round_prefer_ceil": lambda p: floor(p + Fraction(1, 2)),
}


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_the_nearest_pixel_is_that_of_exact_fractions(coordinates: str, rounding: str) -> None:
    for size in (1, 2, 3, 7, 10, 48, 97):
        for count in (1, 2, 5, 10, 21, 97, 144):
            indices, weights = taps_of(resize(count, coordinates=coordinates, rounding=rounding), 0, size)
            exact = [ROUND[rounding](position(coordinates, x, size, count)) for x in range(count)]
            assert indices[:, 0].tolist() == [min(max(index, 0), size - 1) for index in exact]
            assert (weights == 1).all()


@pytest.mark.parametrize(("method", "edges"), [("bilinear", "clamp"), ("bicubic", "clamp"), ("bicubic", "exclude")])
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_a_ramp_stays_a_ramp_but_for_its_ends(method: str, edges: str, coordinates: str) -> None:
    for size, count in ((9, 20), (20, 9), (7, 7)):
        indices, weights = taps_of(resize(count, method, coordinates=coordinates, edges=edges), 0, size)
        np.testing.assert_allclose(weights.sum(axis=1), 1)
        exact = np.array([float(position(coordinates, x, size, count)) for x in range(count)])
        inside = (exact >= 1) & (exact < size - 2)
        np.testing.assert_allclose((weights * indices).sum(axis=1)[inside], exact[inside], atol=1e-12)


def test_pixels_outside_weigh_nothing_where_they_are_excluded() -> None:
    """The first of six is a third of a pixel before the first of two."""
    indices, weights = taps_of(resize(1, "bicubic", edges="exclude"), 0, 1)
    assert weights[0].tolist() == [0, 1, 0, 0]
    indices, weights = taps_of(resize(6, "bicubic", edges="exclude"), 0, 2)
    at = -1 / 3
    near, far = cubic(np.array([-at, 1 - at]), -0.5)
    np.testing.assert_allclose(weights[0], [0, 0, near / (near + far), far / (near + far)])
    assert indices[0].tolist() == [0, 0, 0, 1]


def test_the_cubic_kernel() -> None:
    np.testing.assert_allclose(cubic(np.array([0, 0.5, 1, 1.5, 2, 3]), -0.5), [1, 0.5625, 0, -0.0625, 0, 0])
