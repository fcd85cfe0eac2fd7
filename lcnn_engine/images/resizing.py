"""Resizing by the filters that equal TensorFlow's (``model/resampling.py``): only what a crop keeps, in little memory.

Rows first, then columns, some rows at a time (or the other way). Each pixel is summed tap by tap, and so has the same
bits in any part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..model.resampling import taps
from .decoding import MAX_PIXELS

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["resized_part"]

Float32: TypeAlias = NDArray[np.float32]
Taps: TypeAlias = tuple[NDArray[np.int64], Float32]

BLOCK, ROWS = 2**17, 16  # floats of one tap of some rows that are worked on at a time, and so many rows at least
FEW_TAPS = ("nearest", "bilinear", "bicubic")  # up to 4, however much an image shrinks
MAX_SHRINK = 1024  # with the others, whose weights are as many as pixels; nobody's pictures shrink by more


def resized_part(
    image: Image.Image, size: tuple[int, int], resample: str, antialias: bool, part: tuple[int, int, int, int]
) -> Float32:
    """Compute ``part`` (top, left, height, width) of ``image``, of mode L or RGB, resized to ``size`` (height, width).

    float32 (height, width, C), not rounded. Work and memory are those of the part and of the pixels that it is made of.
    Raises InputError for a part of over MAX_PIXELS, and for an edge that shrinks to less than 1/1024.
    """
    top, left, height, width = part
    _check(image, size, height * width, resample)
    rows, down = taps(image.height, size[0], resample, antialias, top, height)
    columns, across = taps(image.width, size[1], resample, antialias, left, width)
    y, x = (slice(int(places.min()), int(places.max()) + 1) for places in (rows, columns))
    box = (x.start, y.start, x.stop, y.stop)
    whole = np.asarray(image if box == (0, 0, *image.size) else image.crop(box))
    pixels = whole.reshape(*whole.shape[:2], -1)
    pixels, rows = _used(pixels, rows, 0)
    pixels, columns = _used(pixels, columns, 1)
    if size[0] > image.height and size[1] < image.width:  # the edge that shrinks first: the other has fewer pixels then
        turned = _separably(np.ascontiguousarray(pixels.swapaxes(0, 1)), (columns, across), (rows, down))
        return np.ascontiguousarray(turned.swapaxes(0, 1))
    return _separably(pixels, (rows, down), (columns, across))


def _separably(pixels: NDArray[np.uint8], down: Taps, across: Taps) -> Float32:
    """Sum over rows, then over columns."""
    result = np.empty((len(down[0]), len(across[0]), pixels.shape[2]), np.float32)
    step = max(ROWS, BLOCK // (pixels.shape[1] * pixels.shape[2]))
    for start in range(0, len(result), step):
        block = slice(start, start + step)
        result[block] = _weighted(_weighted(pixels, down[0][block], down[1][block], 0), *across, 1)
    return result


def _used(pixels: NDArray[np.uint8], places: NDArray[np.int64], axis: int) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Take, of pixels that begin at the first place, those that are used at all; and number ``places`` among these."""
    used, numbers = np.unique(places, return_inverse=True)
    taken = pixels if len(used) == pixels.shape[axis] else np.take(pixels, used - used[0], axis)
    return taken, numbers.reshape(places.shape)


def _check(image: Image.Image, size: tuple[int, int], kept: int, resample: str) -> None:
    shown = f"{image.width} x {image.height}, which becomes {size[1]} x {size[0]}"
    if kept > MAX_PIXELS:
        raise InputError(
            f"expected an image of at most {MAX_PIXELS} pixels after resizing, got {shown}; "
            "cut off some of its long edge first"
        )
    if resample not in FEW_TAPS and (image.height > MAX_SHRINK * size[0] or image.width > MAX_SHRINK * size[1]):
        raise InputError(
            f"expected an image that shrinks to no less than 1/{MAX_SHRINK} of an edge, got {shown}; "
            "cut off some of its long edge first"
        )


def _weighted(pixels: NDArray[Any], places: NDArray[np.int64], weights: Float32, axis: int) -> Float32:
    """Sum over an axis of ``pixels`` (H, W, C), 0 or 1, which then is as long as ``places`` (count, taps)."""
    shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
    total = np.take(pixels, places[:, 0], axis) * weights[:, 0].reshape(shape)
    for tap in range(1, places.shape[1]):
        total += np.take(pixels, places[:, tap], axis) * weights[:, tap].reshape(shape)
    return total
