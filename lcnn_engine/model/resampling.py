"""The resize filters that equal TensorFlow's: which pixels each new one is made of, with what weights, and their sum.

This is the definition (MODEL_FORMAT.md, "Resize filters"); ``lcnn_engine.images`` computes what a crop keeps of it.
Places and weights are float32, as TensorFlow has them: at pixel 4000, float64 differs from it by 6/100 of a grey level.
Pillow's filters are defined by Pillow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["resize", "taps"]

Float32: TypeAlias = NDArray[np.float32]
Taps: TypeAlias = tuple[NDArray[np.int64], Float32]

TABLE = 1024  # TensorFlow's bicubic looks its weights up, at so many places between two pixels
HALF, ONE = np.float32(0.5), np.float32(1)


def resize(x: NDArray[np.uint8], size: tuple[int, int], resample: str, antialias: bool) -> Float32:
    """Resize an image (H, W, C) to ``size`` (height, width), float32, not rounded, rows and columns by themselves."""
    wide = x.astype(np.float64)
    for axis, length in enumerate(size):
        places, weights = taps(x.shape[axis], length, resample, antialias)
        matrix = np.zeros((length, x.shape[axis]))
        np.add.at(matrix, (np.arange(length)[:, None], places), weights.astype(np.float64))
        wide = np.moveaxis(np.tensordot(matrix, wide, axes=(1, axis)), 0, axis)
    return wide.astype(np.float32)


def taps(length: int, resized: int, resample: str, antialias: bool, first: int = 0, count: int | None = None) -> Taps:
    """Say of which pixels of an edge of ``length`` those of the ``resized`` edge are made, and with what weights.

    Two arrays (count, n), int64 and float32, for ``count`` pixels from ``first`` on (all unless given). Unused taps
    have weight 0.
    """
    pixels = np.arange(first, first + count if count is not None else resized).astype(np.float32)
    if resample == "area":
        return _area(length, resized, pixels)
    if resample in KERNELS:
        return _kernel(length, resized, pixels, resample, antialias)
    return _INTERPOLATIONS[resample](length, np.float32(length) / np.float32(resized), pixels)


# ------------------------------------------------------------------------------------------------ without antialias


def _nearest(length: int, scale: np.float32, pixels: Float32) -> Taps:
    places = np.clip(np.floor((pixels + HALF) * scale).astype(np.int64), 0, length - 1)
    return places[:, None], np.ones((len(pixels), 1), np.float32)


def _bilinear(length: int, scale: np.float32, pixels: Float32) -> Taps:
    center = (pixels + HALF) * scale - HALF
    low = np.floor(center)
    upper = np.minimum(np.ceil(center).astype(np.int64), length - 1)
    lower = np.minimum(np.maximum(low.astype(np.int64), 0), upper)
    share = center - low
    return np.stack([lower, upper], axis=1), np.stack([ONE - share, share], axis=1)


def _bicubic(length: int, scale: np.float32, pixels: Float32) -> Taps:
    center = (pixels + HALF) * scale - HALF
    low = np.floor(center)
    offset = np.rint((center - low) * np.float32(TABLE)) / np.float32(TABLE)
    distances = np.stack([ONE + offset, offset, ONE - offset, np.float32(2) - offset], axis=1)
    places = low.astype(np.int64)[:, None] + np.arange(-1, 3)
    inside = (places >= 0) & (places < length)
    weights = np.where(inside, _keyscubic(distances), np.float32(0))
    return np.clip(places, 0, length - 1), _shares(weights)


_INTERPOLATIONS: dict[str, Callable[[int, np.float32, Float32], Taps]] = {
    "nearest": _nearest,
    "bilinear": _bilinear,
    "bicubic": _bicubic,
}

# ----------------------------------------------------------------------------------------------------- with kernels


def _area(length: int, resized: int, pixels: Float32) -> Taps:
    """Means of what a pixel covers, those at its ends by the part that is covered."""
    scale = np.float32(length) / np.float32(resized)
    begin, end = (pixels * scale)[:, None], ((pixels + ONE) * scale)[:, None]
    first, last = np.floor(begin).astype(np.int64), np.ceil(end).astype(np.int64)
    places = first + np.arange(int((last - first).max()))
    left, right = places.astype(np.float32), places.astype(np.float32) + ONE
    ends, starts = right > end, left < begin  # of a pixel within one, as TensorFlow has it: scale, not end - begin
    covered = np.where(starts, np.where(ends, scale, right - begin), np.where(ends, end - left, ONE))
    weights = np.where(places < last, covered, np.float32(0)) / scale
    return np.clip(places, 0, length - 1), weights.astype(np.float32)


def _kernel(length: int, resized: int, pixels: Float32, resample: str, antialias: bool) -> Taps:
    """TensorFlow's ScaleAndTranslate: a kernel about each pixel's place, made wider where the image shrinks."""
    kernel, radius = KERNELS[resample]
    inverse = ONE / (np.float32(resized) / np.float32(length))
    wider = max(inverse, ONE) if antialias else ONE
    center = ((pixels + HALF) * inverse)[:, None]
    reach = np.float32(radius) * wider
    start = np.clip(np.ceil(center - reach - HALF).astype(np.int64), 0, length - 1)
    stop = np.clip(np.floor(center + reach - HALF).astype(np.int64), 0, length - 1) + 1
    places = start + np.arange(int((stop - start).max()))
    distances = np.abs((places.astype(np.float32) + HALF - center) * (ONE / wider))
    weights = np.where(places < stop, kernel(distances), np.float32(0))
    return np.where(places < stop, places, start), _shares(weights)


def _shares(weights: Float32) -> Float32:
    return weights * (ONE / weights.sum(axis=1, keepdims=True, dtype=np.float32))


def _triangle(x: Float32) -> Float32:
    return np.maximum(ONE - x, np.float32(0))


def _keyscubic(x: Float32) -> Float32:
    near = ((np.float32(1.5) * x - np.float32(2.5)) * x) * x + ONE
    far = ((np.float32(-0.5) * x + np.float32(2.5)) * x - np.float32(4)) * x + np.float32(2)
    return np.where(x < 1, near, np.where(x < 2, far, np.float32(0))).astype(np.float32)


def _lanczos(radius: int) -> Callable[[Float32], Float32]:
    def kernel(x: Float32) -> Float32:
        angle = np.float32(np.pi) * np.maximum(x, np.float32(1e-3))
        values = np.float32(radius) * np.sin(angle) * np.sin(angle / np.float32(radius)) / (angle * angle)
        return np.where(x <= 1e-3, ONE, np.where(x <= radius, values, np.float32(0))).astype(np.float32)

    return kernel


KERNELS: dict[str, tuple[Callable[[Float32], Float32], int]] = {  # and how far each reaches
    "triangle": (_triangle, 1),
    "keyscubic": (_keyscubic, 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
}
