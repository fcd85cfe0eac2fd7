"""What the windows of a dense convolution read: floats of its input, or words of two bfloat16 or four int8 numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...model.graph import Conv2D
from ..layout import Value
from ..lowering import Lowering
from ..packing import Packing
from ..references import Map, Place
from .quantize import quads_of


class Windows(NamedTuple):
    """A window reads at each of ``taps``, (kh, values of a row), floats from a pixel, of each channel of ``source``.

    ``packing`` is that of the weights; ``range``: of integers, where their scale and zero are.
    """

    source: Map
    taps: np.ndarray
    packing: Packing
    range: Place | None = None

    def offsets(self, channels: int) -> np.ndarray:
        """Tell how far from a pixel each value of so many channels lies, (channels, kh, values of a row)."""
        return np.arange(channels)[:, None, None] * self.source.plane + self.taps


def windows_of(lowering: Lowering, node: Conv2D, kernel: np.ndarray) -> Windows:
    """Give what windows of ``kernel`` (n, channels, kh, kw) read; rounded, and packed for it, where ``node`` is.

    Words of bfloat16 are of two channels, or of two columns where that makes fewer of them: the first layers of
    networks have few channels, and an odd number.
    """
    value = lowering.value(node.inputs[0])
    (kh, kw), (dh, dw), row = node.kernel_size, node.dilation, value.layout.row
    r, c = np.indices((kh, kw))
    taps = r * dh * row + c * dw
    channels, plane = value.layout.channels, value.layout.plane
    if lowering.quantizes(node):
        quads = quads_of(lowering, node.name, node.inputs[0], value.buffer, channels, plane)
        integers = Value(value.layout._replace(channels=-(-channels // 4)), quads.buffer)
        return Windows(integers.map(), taps, Packing.CONV_QUADS, quads.range)
    if not lowering.rounds(node):
        return Windows(value.map(), taps, Packing.CONV)
    columns = dw == 1 and channels * -(-kw // 2) < -(-channels // 2) * kw
    words = lowering.pairs(node.name, value.buffer, channels, plane, columns)
    if not columns:
        rounded = Value(value.layout._replace(channels=-(-channels // 2)), words)
        return Windows(rounded.map(), taps, Packing.CONV_PAIRS)
    source = Value(value.layout, words).map()._replace(plane=2 * plane)
    taps = taps[:, ::2].copy()
    if kw % 2:  # what has no partner has a plane of its own, with zeros beside it
        taps[:, -1] += plane
    return Windows(source, taps, Packing.CONV_COLUMN_PAIRS)
