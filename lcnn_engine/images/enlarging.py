"""The part of an enlarged image that a crop keeps, without the rest: to the bit what Pillow's ``resize`` gives there.

A thin image whose shortest edge becomes 256 grows to millions of pixels of which a crop keeps few. ``resize`` has a
``box``, but in float32, and so other weights in their last bits. Its arithmetic is short enough to be done here: first
along rows, then along columns, each pixel a sum of weights in fixed point, rounded to 8 bits after both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from .decoding import MAX_PIXELS

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["enlarged_part"]

BITS = 22  # of a weight after the point
CHUNK = 2**16


def _box(x: float) -> float:
    return 1.0 if -0.5 < x <= 0.5 else 0.0


def _bilinear(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def _hamming(x: float) -> float:
    x = abs(x)
    if x == 0 or x >= 1:
        return float(x == 0)
    x *= math.pi
    return math.sin(x) / x * (0.54 + 0.46 * math.cos(x))


def _bicubic(x: float) -> float:
    x, a = abs(x), -0.5
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def _sinc(x: float) -> float:
    x *= math.pi
    return math.sin(x) / x if x else 1.0


def _lanczos(x: float) -> float:
    return _sinc(x) * _sinc(x / 3) if -3 <= x < 3 else 0.0


FILTERS: dict[str, tuple[Callable[[float], float], float]] = {  # and how far each reaches
    "box": (_box, 0.5),
    "bilinear": (_bilinear, 1),
    "hamming": (_hamming, 1),
    "bicubic": (_bicubic, 2),
    "lanczos": (_lanczos, 3),
}


def enlarged_part(
    image: Image.Image, size: tuple[int, int], resample: str, left: int, top: int, width: int, height: int
) -> Image.Image:
    """Compute ``image.resize(size, resample).crop((left, top, left + width, top + height))``, of mode L or RGB.

    ``size`` (width, height) is at least that of ``image``, and the part lies within it. Work and memory are those of
    the part.
    """
    columns, across = _taps(image.width, size[0], left, width, resample)
    rows, down = _taps(image.height, size[1], top, height, resample)
    x, y = int(columns.min()), int(rows.min())
    pixels = np.asarray(image.crop((x, y, int(columns.max()) + 1, int(rows.max()) + 1)))
    along_rows = _weighted(pixels.swapaxes(0, 1), columns - x, across)
    part = _weighted(along_rows.swapaxes(0, 1), rows - y, down)

    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(part))


def _taps(
    length: int, enlarged: int, first: int, count: int, resample: str
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Say which pixels of an edge ``first`` and the next of the enlarged edge are made of, and with what weights.

    Two arrays (count, taps). Unused taps have weight 0.
    """
    if length == enlarged or resample == "nearest":
        places = _nearest(length, enlarged, first, count) if length != enlarged else np.arange(first, first + count)
        return places[:, None], np.full((count, 1), 1 << BITS, dtype=np.int32)
    kernel, support = FILTERS[resample]
    scale = float(np.float32(length)) / enlarged  # Pillow's box is float32
    taps = math.ceil(support) * 2 + 1
    places = np.zeros((count, taps), dtype=np.int64)
    weights = np.zeros((count, taps), dtype=np.int32)
    for i in range(count):
        center = (first + i + 0.5) * scale
        start = max(0, int(center - support + 0.5))
        stop = min(length, int(center + support + 0.5))
        values = [kernel(x - center + 0.5) for x in range(start, stop)]
        total = 0.0
        for value in values:  # in this order, as rounding has it
            total += value
        for tap, value in enumerate(values):
            share = (value / total if total else value) * (1 << BITS)
            places[i, tap] = start + tap
            weights[i, tap] = int(share - 0.5 if share < 0 else share + 0.5)
        places[i, len(values) :] = start
    return places, weights


def _nearest(length: int, enlarged: int, first: int, count: int) -> NDArray[np.int64]:
    scale = float(np.float32(length)) / enlarged
    if enlarged > MAX_PIXELS:  # no whole to agree with
        places = (np.arange(first, first + count) + 0.5) * scale
    else:  # Pillow adds step by step, and so are its roundings
        place, parts = scale * 0.5, []
        for start in range(0, first + count, CHUNK):
            steps = np.full(min(CHUNK, first + count - start) + 1, scale)
            steps[0] = place
            chunk = np.add.accumulate(steps)
            place = chunk[-1]
            parts.append(chunk[max(0, first - start) : -1])
        places = np.concatenate(parts)
    return cast("NDArray[np.int64]", np.minimum(places.astype(np.int64), length - 1))


def _weighted(pixels: NDArray[np.uint8], places: NDArray[np.int64], weights: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Sum over the first axis of ``pixels`` (n, ...): -> (count, ...)."""
    total = np.full((len(places), *pixels.shape[1:]), 1 << (BITS - 1), dtype=np.int32)
    for tap in range(places.shape[1]):
        total += pixels[places[:, tap]] * weights[:, tap].reshape(-1, *[1] * (pixels.ndim - 1))
    return np.clip(total >> BITS, 0, 255).astype(np.uint8)
