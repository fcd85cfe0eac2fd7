"""Lowering of what int8 layers read: integers of an input, and those of weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...model.int8 import quantize_weights
from ..calls import KernelCall, StepKind
from ..fields import PackQuads, Ranges
from ..lowering import Lowering, Quads, Ranged
from ..packing import Packing
from ..references import INPUT, ConstantRef, Place


class Weights(NamedTuple):
    """Integers of weights (n, ...), int8; by row the scale, float32 (n,), and the sum, int32 (n,)."""

    integers: np.ndarray
    scales: np.ndarray
    sums: np.ndarray


def weights_of(weights: np.ndarray) -> Weights:
    """Make integers of ``weights`` (n, ...)."""
    integers, scales = quantize_weights(weights)
    return Weights(integers, scales, integers.reshape(len(integers), -1).sum(axis=1, dtype=np.int32))


def filter_constants(
    lowering: Lowering, name: str, weights: Weights, packing: Packing, lanes: int
) -> tuple[ConstantRef, ConstantRef]:
    """Add scales and sums, packed as a bias is."""
    return (
        lowering.constant(f"{name}/scales", weights.scales, packing, 1, lanes),
        lowering.constant(f"{name}/sums", weights.sums, packing, 1, lanes),
    )


def quads_of(lowering: Lowering, node: str, source: str, buffer: int, channels: int, plane: int) -> Quads:
    """Give the words of ``buffer``, planes of values of ``source`` and zeros; the first to ask has them made.

    They are the steps of ``node``.
    """
    if buffer not in lowering.quads:
        ranged = range_of(lowering, node, source)
        words = -(-channels // 4)
        quads = Quads(lowering.buffer(words * plane), ranged.place)
        fields = PackQuads(Place(buffer), plane, channels, Place(quads.buffer), *ranged)
        step = lowering.step(node, "round to int8", StepKind.PACK_QUADS, "pack quads")
        lowering.call(KernelCall(step, "pack_quads", fields, units=words, work=channels * plane))
        lowering.quads[buffer] = quads
    return lowering.quads[buffer]


def range_of(lowering: Lowering, node: str, source: str) -> Ranged:
    """Find the greatest values of ``source`` in parts; the first to ask, ``node``, has them found."""
    if source not in lowering.ranges:
        count, stride, length, place = _parts(lowering, source)
        buffer = lowering.buffer(2 * count + 2)
        lowering.ranges[source] = Ranged(Place(buffer), count, Place(buffer, 2 * count))
        step = lowering.step(node, "round to int8", StepKind.PACK_QUADS, "ranges")
        fields = Ranges(place, stride, length, Place(buffer))
        lowering.call(KernelCall(step, "ranges", fields, units=count, work=count * length))
    return lowering.ranges[source]


def _parts(lowering: Lowering, name: str) -> tuple[int, int, int, Place]:
    """Cut an activation into parts: their number, the floats from one to the next, those of one, and the first."""
    if lowering.is_input(name) and not lowering.is_in_planes(name):
        height, width, channels = lowering.shape(name)
        return height, width * channels, width * channels, INPUT
    map_ = lowering.value(name).map()
    if map_.plane == 1:  # a vector
        return 1, map_.channels, map_.channels, map_.offset
    return map_.channels, map_.plane, (map_.height - 1) * map_.row + map_.width, map_.offset
