"""A convolution and the pool behind it, by bands of rows: what one writes, the other reads while it is in the cache.

The result of AlexNet's first convolution is 0.9 MB and that of ResNet's 3.2 MB, more than a second-level cache. Only a
band of it ever exists: its rows are pooled before the next band is computed in the same place. Rows that two bands
need are carried over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..model.graph import AvgPool2D, Pool2D
from .builder import Builder
from .fusion import Task
from .memory import Border, Buffer, Map, Value

BAND_BYTES = 1024 * 1024  # of a result: about a second-level cache


@dataclass(frozen=True)
class Band:
    """Rows [first, last) of a convolution, row ``base`` being the first in memory; rows [top, bottom) of the pool."""

    first: int
    last: int
    base: int
    top: int
    bottom: int


@dataclass(frozen=True)
class Target:
    """Where the result of a convolution goes: whole into ``value``, or band by band, pooled into ``pooled``."""

    value: Value
    bands: list[Band]
    pool: Pool2D | None = None
    pooled: Value | None = None

    @property
    def most_rows(self) -> int:
        """Of a band."""
        return max(band.last - band.first for band in self.bands)

    @property
    def buffers(self) -> list[Buffer]:
        return [self.value.buffer] + ([self.pooled.buffer] if self.pooled else [])


def target_of(builder: Builder, task: Task, pool: Task | None, row: int = 0) -> Target:
    """Room for the result of ``task``, read by nobody but ``pool`` where that is given, in rows of ``row`` floats where
    that is no less than they need."""
    if pool is None:
        value = builder.new_value(task.result, row)
        return Target(value, [Band(0, value.height, 0, 0, 0)])
    height, width, channels = builder.shape(task.result)
    node = pool.node
    assert isinstance(node, Pool2D)
    _, _, left, right = builder.borders.get(task.result, (0, 0, 0, 0))
    if row >= width:  # nobody else reads it, so rows may be as they are written fastest
        left = node.padding[2] if row >= width + node.padding[2] else 0  # windows then begin on cache lines
        right = row - width - left
    pooled = builder.new_value(pool.result)
    bands = _bands(node, height, pooled.height, 4 * (left + width + right) * channels)
    value = Value(max(band.last - band.base for band in bands), width, channels, (0, 0, left, right))
    builder.buffers.append(value.buffer)
    return Target(value, bands, node, pooled)


def _bands(node: Pool2D, height: int, pooled: int, row_bytes: int) -> list[Band]:
    size, stride, padding = node.pool_size[0], node.strides[0], node.padding[0]
    rows = max(1, (BAND_BYTES // row_bytes - size) // stride + 1)
    number = -(-pooled // rows)
    bands: list[Band] = []
    done = 0
    for i in range(number):
        top, bottom = pooled * i // number, pooled * (i + 1) // number
        base = min(max(top * stride - padding, 0), height - 1)
        last = min(max((bottom - 1) * stride - padding + size, base + 1), height)
        bands.append(Band(max(done, base), max(done, last), base, top, bottom))
        done = max(done, last)
    return bands


def add_steps(
    builder: Builder,
    task: Task,
    target: Target,
    kernel: str,
    add: Callable[[Map, int], None],
    uses: list[Buffer],
    multiplications: int,
    scratch: int,
) -> None:
    """The steps of ``task``, and of the pool behind it.

    ``add(map, row)`` adds a kernel call that computes the rows of ``map``, the first of them being row number ``row``
    of the result; it reads ``uses`` and needs ``scratch`` floats.
    """
    everything = uses + target.buffers
    slot = builder.register(task.node.name, task.node.op, kernel, everything, multiplications, scratch)
    if target.pool is None or target.pooled is None:
        builder.call(slot, lambda: add(target.value.map(), 0))
        return
    scratch = pool_span(target.pool, target.value.width) + target.pooled.width
    pool_slot = builder.register(target.pool.name, target.pool.op, "pool", everything, 0, scratch)
    before: Band | None = None
    for band in target.bands:
        if before and band.first > band.base:
            builder.call(pool_slot, partial(_carry, builder, target, before, band))
        if band.last > band.first:
            builder.call(slot, partial(_compute, target, band, add))
        builder.call(pool_slot, partial(_pool, builder, target, band))
        before = band


def pool_span(pool: Pool2D, width: int) -> int:
    """Columns that hold a padded row of ``width`` and all windows on it."""
    places = (width + pool.padding[2] + pool.padding[3] - pool.pool_size[1]) // pool.strides[1] + 1
    return max((places - 1) * pool.strides[1] + pool.pool_size[1], pool.padding[2] + width)


def _rows(value: Value, first: int, last: int) -> Map:
    """Rows [first, last) of a value. The border above belongs to its first row, that below to its last."""
    whole = value.map()
    return whole._replace(
        offset=whole.offset + first * whole.row,
        height=last - first,
        top=0 if first else whole.top,
        bottom=0 if last < value.height else whole.bottom,
    )


def _carry(builder: Builder, target: Target, before: Band, band: Band) -> None:
    """Move the rows that the band before has computed already to where this band has them."""
    source = _rows(target.value, band.base - before.base, band.first - before.base)
    place = _rows(target.value, 0, band.first - band.base)
    builder.program.add_pointwise(source, place, scale=None, shift=None, activation=0, alpha=0.0)


def _compute(target: Target, band: Band, add: Callable[[Map, int], None]) -> None:
    add(_rows(target.value, band.first - band.base, band.last - band.base), band.first)


def _pool(builder: Builder, target: Target, band: Band) -> None:
    node, pooled = target.pool, target.pooled
    assert node is not None
    assert pooled is not None
    top, _, left, right = node.padding
    padding: Border = (max(0, band.base - (band.top * node.strides[0] - top)), 0, left, right)
    builder.program.add_pool(
        _rows(target.value, 0, band.last - band.base),
        _rows(pooled, band.top, band.bottom),
        mean=isinstance(node, AvgPool2D),
        size=node.pool_size,
        strides=node.strides,
        padding=padding,
        span=pool_span(node, target.value.width),
    )
