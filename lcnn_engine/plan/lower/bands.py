"""A convolution and the pool behind it, by bands of rows: what one writes, the other reads while it is in the cache.

The result of AlexNet's first convolution is 0.9 MB and that of ResNet's 3.2 MB, more than a second-level cache. Only a
band of it ever exists: its rows are pooled before the next band is computed in the same place. Rows that two bands
need are carried over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...model.graph import Pool2D
from ..calls import KernelCall, StepKind
from ..fusion import FusedNode
from ..layout import NO_BORDER, Border, Layout, Value
from ..lowering import Lowering
from ..machine import Machine
from ..references import Map
from .elementwise import pointwise_call
from .pool import pool_call


class Band(NamedTuple):
    """Rows [first, last) of a convolution, row ``base`` being the first in memory; rows [top, bottom) of the pool."""

    first: int
    last: int
    base: int
    top: int
    bottom: int


class Target(NamedTuple):
    """Where the result of a convolution goes: whole into ``value``, or band by band, pooled into ``pooled``."""

    value: Value
    bands: tuple[Band, ...]
    pool: Pool2D | None = None
    pooled: Value | None = None

    @property
    def max_rows(self) -> int:
        """Of a band."""
        return max(band.last - band.first for band in self.bands)


class Way(NamedTuple):
    """How filters are computed: ``label`` is for people to read.

    ``compute(step, map, row)`` is the call that computes the rows of ``map``, the first of them row ``row`` of the
    result.
    """

    kind: StepKind
    label: str
    compute: Callable[[int, Map, int], KernelCall]


def target_of(lowering: Lowering, fused: FusedNode, pool: FusedNode | None, row: int = 0) -> Target:
    """Make room for the result of ``fused``, read by nobody but ``pool`` where that is given.

    Rows are ``row`` floats long where that is no less than they need.
    """
    if pool is None:
        value = lowering.new_value(fused.result, row)
        return Target(value, (Band(0, value.layout.height, 0, 0, 0),))
    height, width, channels = lowering.shape(fused.result)
    node = pool.node
    assert isinstance(node, Pool2D)
    _, _, left, right = lowering.borders.get(fused.result, NO_BORDER)
    if row >= width:  # nobody else reads it, so rows may be as they are written fastest
        left = node.padding[2] if row >= width + node.padding[2] else 0  # windows then begin on cache lines
        right = row - width
    pooled = lowering.new_value(pool.result)
    row_bytes = 4 * (width + max(left, right)) * channels
    bands = _bands(node, height, pooled.layout.height, row_bytes, lowering.machine)
    rows = max(band.last - band.base for band in bands)
    return Target(lowering.room(Layout(rows, width, channels, (0, 0, left, right))), bands, node, pooled)


def _bands(node: Pool2D, height: int, pooled: int, row_bytes: int, machine: Machine) -> tuple[Band, ...]:
    size, stride, padding = node.pool_size[0], node.strides[0], node.padding[0]
    rows = max(1, (machine.band_bytes // row_bytes - size) // stride + 1)
    number = min(-(-pooled // rows), machine.max_bands)
    bands: list[Band] = []
    done = 0
    for i in range(number):
        top, bottom = pooled * i // number, pooled * (i + 1) // number
        base = min(max(top * stride - padding, 0), height - 1)
        last = min(max((bottom - 1) * stride - padding + size, base + 1), height)
        bands.append(Band(max(done, base), max(done, last), base, top, bottom))
        done = max(done, last)
    return tuple(bands)


def add_steps(lowering: Lowering, fused: FusedNode, target: Target, multiplications: int, ways: Sequence[Way]) -> None:
    """Append the steps of ``fused``, whose filters go by one of the ``ways`` each, and of the pool behind it."""
    label = " + ".join(way.label for way in ways)
    step = lowering.step(fused.node.name, fused.node.op, ways[0].kind, label, multiplications)
    pool, pooled, value = target.pool, target.pooled, target.value
    if pool is None or pooled is None:
        for way in ways:
            lowering.call(way.compute(step, value.map(), 0))
        return
    pool_step = lowering.step(pool.name, pool.op, StepKind.POOL, "pool")
    before: Band | None = None
    for band in target.bands:
        if before and band.first > band.base:
            lowering.call(_carry(pool_step, value, before, band))
        if band.last > band.first:
            rows = value.rows(band.first - band.base, band.last - band.base)
            for way in ways:
                lowering.call(way.compute(step, rows, band.first))
        source = value.rows(0, band.last - band.base)
        out = pooled.rows(band.top, band.bottom)
        lowering.call(pool_call(pool_step, pool, source, out, _padding(pool, band)))
        before = band


def _carry(step: int, value: Value, before: Band, band: Band) -> KernelCall:
    """Move the rows that the band before has computed already to where this band has them."""
    source = value.rows(band.base - before.base, band.first - before.base)
    return pointwise_call(step, source, value.rows(0, band.first - band.base))


def _padding(pool: Pool2D, band: Band) -> Border:
    top, _, left, right = pool.padding
    return max(0, band.base - (band.top * pool.strides[0] - top)), 0, left, right
