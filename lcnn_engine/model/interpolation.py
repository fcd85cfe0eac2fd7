"""Which pixels a resized one is made of, along one axis, and with what weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .geometry import Resize2D

__all__ = ["Taps", "cubic", "taps_of"]

Taps = tuple[NDArray[np.int64], NDArray[np.float64]]  # indices and weights, (output size, taps) each


def taps_of(node: Resize2D, axis: int, size: int) -> Taps:
    """Compute indices into an axis of ``size`` pixels, and their weights, for each position of the result's ``axis``.

    One tap for nearest, two for bilinear, four for bicubic. Positions are fractions of integers, so that none that
    falls on a pixel, or halfway between two, is rounded to the other side.
    """
    below, rest, denominator = _positions(node.coordinates, size, node.size[axis])
    if node.method == "nearest":
        up = {
            "floor": np.zeros(len(rest), bool),
            "ceil": rest > 0,
            "round_prefer_floor": 2 * rest > denominator,
            "round_prefer_ceil": 2 * rest >= denominator,
        }[node.rounding]
        indices = (below + up)[:, None]
        return np.clip(indices, 0, size - 1), np.ones(indices.shape)
    fraction = (rest / denominator)[:, None]
    steps = np.array([0, 1] if node.method == "bilinear" else [-1, 0, 1, 2])
    indices, distances = below[:, None] + steps, np.abs(fraction - steps)
    weights = 1 - distances if node.method == "bilinear" else cubic(distances, node.cubic_coefficient)
    if node.edges == "exclude":
        weights = np.where((indices >= 0) & (indices < size), weights, 0.0)
        weights /= weights.sum(axis=1, keepdims=True)
    return np.clip(indices, 0, size - 1), weights


def _positions(coordinates: str, size: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Place ``count`` pixels among ``size``: the pixel at or before each, and how far behind it, over a denominator."""
    x = np.arange(count, dtype=np.int64)
    if coordinates == "align_corners":
        numerator, denominator = x * (size - 1), max(count - 1, 1)
    elif coordinates == "asymmetric":
        numerator, denominator = x * size, count
    else:
        numerator, denominator = (2 * x + 1) * size - count, 2 * count
    below = numerator // denominator
    return below, numerator - below * denominator, denominator


def cubic(distance: NDArray[np.float64], a: float) -> NDArray[np.float64]:
    """Compute Keys' cubic kernel, of ``distance`` >= 0; ``a`` is its slope at 1."""
    d = distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
