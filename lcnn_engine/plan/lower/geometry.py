"""Lowering of operations that move values, and of resizing: tables of what is read where, made once.

Most are one kernel, whose table of each axis says how far from the input's first value to read.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...model.graph import Crop2D, DepthToSpace, Pad2D, Permute, Reshape, Resize2D, SpaceToDepth, TakeChannels
from ...model.interpolation import taps_of
from ..calls import KernelCall, StepKind
from ..fields import Gather, Interpolate
from ..fusion import FusedNode
from ..layout import LINE, round_up
from ..lowering import Lowering, space_to_depth
from ..packing import Packing
from ..references import Map, Place
from .elementwise import pointwise_call, to_nhwc

ELSEWHERE = -1  # in a table: no value of the input


class Tables(NamedTuple):
    """For each channel, row and column of a result how many floats further the input is read, or ELSEWHERE."""

    channels: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    value: float = 0.0


def lower_pad2d(lowering: Lowering, fused: FusedNode) -> None:
    """Lower padding of any mode."""
    node = fused.node
    assert isinstance(node, Pad2D)
    source = lowering.value(node.inputs[0]).map()
    top, bottom, left, right = node.padding
    rows = _padded(source.height, (top, bottom), node.mode, source.row)
    columns = _padded(source.width, (left, right), node.mode, 1)
    _gather(lowering, fused, source, Tables(_planes(source, np.arange(source.channels)), rows, columns, node.value))


def _padded(size: int, padding: tuple[int, int], mode: str, step: int) -> np.ndarray:
    places = np.arange(size, dtype=np.int64) * step
    if mode == "constant":
        return np.pad(places, padding, constant_values=ELSEWHERE)
    return np.pad(places, padding, mode)  # type: ignore[call-overload]


def lower_crop2d(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a crop."""
    node = fused.node
    assert isinstance(node, Crop2D)
    source = lowering.value(node.inputs[0]).map()
    top, bottom, left, right = node.cropping
    rows, columns = np.arange(top, source.height - bottom), np.arange(left, source.width - right)
    _gather(lowering, fused, source, Tables(_planes(source, np.arange(source.channels)), rows * source.row, columns))


def lower_take_channels(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a choice of channels."""
    node = fused.node
    assert isinstance(node, TakeChannels)
    source = lowering.value(node.inputs[0]).map()
    channels = _planes(source, lowering.tensors[f"{node.name}/indices"])
    _gather(lowering, fused, source, Tables(channels, np.arange(source.height) * source.row, np.arange(source.width)))


def lower_depth_to_space(lowering: Lowering, fused: FusedNode) -> None:
    """Lower channels made blocks of pixels."""
    node = fused.node
    assert isinstance(node, DepthToSpace)
    source, block = lowering.value(node.inputs[0]).map(), node.block_size
    channels = source.channels // block**2
    y, x = np.arange(source.height * block), np.arange(source.width * block)
    rows = y // block * source.row + _planes(source, y % block * block * channels)
    columns = x // block + _planes(source, x % block * channels)
    _gather(lowering, fused, source, Tables(_planes(source, np.arange(channels)), rows, columns))


def lower_space_to_depth(lowering: Lowering, fused: FusedNode) -> None:
    """Lower blocks of pixels made channels."""
    node = fused.node
    assert isinstance(node, SpaceToDepth)
    source, block = lowering.value(node.inputs[0]).map(), node.block_size
    c = np.arange(source.channels * block**2)
    pixel = c // source.channels
    channels = _planes(source, c % source.channels) + pixel // block * source.row + pixel % block
    rows, columns = np.arange(source.height // block), np.arange(source.width // block)
    _gather(lowering, fused, source, Tables(channels, rows * block * source.row, columns * block))


def lower_permute(lowering: Lowering, fused: FusedNode) -> None:
    """Lower axes in another order."""
    node = fused.node
    assert isinstance(node, Permute)
    source = lowering.value(node.inputs[0]).map()
    sizes, steps = (source.height, source.width, source.channels), (source.row, 1, source.plane)
    rows, columns, channels = (np.arange(sizes[axis], dtype=np.int64) * steps[axis] for axis in node.axes)
    _gather(lowering, fused, source, Tables(channels, rows, columns))


def lower_resize2d(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a resize: the nearest pixels are gathered, others are made of several."""
    node = fused.node
    assert isinstance(node, Resize2D)
    source = lowering.value(node.inputs[0]).map()
    (rows, row_weights), (columns, column_weights) = (
        taps_of(node, axis, size) for axis, size in enumerate((source.height, source.width))
    )
    if node.method == "nearest":
        channels = _planes(source, np.arange(source.channels))
        _gather(lowering, fused, source, Tables(channels, rows[:, 0] * source.row, columns[:, 0]))
        return
    out, taps = lowering.new_value(fused.result).map(), rows.shape[1]
    lanes = round_up(out.width, LINE)
    behind = ((0, 0), (0, lanes - out.width))
    fields = Interpolate(
        rows=lowering.integers(f"{node.name}/rows", rows * source.row),
        row_weights=lowering.constant(f"{node.name}/row weights", row_weights, Packing.FLOATS),
        columns=lowering.integers(f"{node.name}/columns", np.pad(columns.T, behind)),
        column_weights=lowering.constant(
            f"{node.name}/column weights", np.pad(column_weights.T, behind), Packing.FLOATS
        ),
        taps=taps,
        lanes=lanes,
    )
    made = out.channels * out.height * taps * (source.width + out.width)
    step = lowering.step(node.name, node.op, StepKind.INTERPOLATE, "interpolate", made)
    lowering.call(
        KernelCall(step, "interpolate", fields, (source,), out, units=out.channels, work=made, scratch=source.width)
    )


def lower_reshape(lowering: Lowering, fused: FusedNode) -> None:
    """Lower another shape: by way of (H, W, C) order; one pixel and a vector are the same, but for a border."""
    node = fused.node
    assert isinstance(node, Reshape)
    source = lowering.value(node.inputs[0])
    before, result = source.map(), fused.result
    if max(lowering.shape(result)[:-1], default=1) == 1 and before.height == before.width == 1:
        out = lowering.new_value(result, over=[source])
        step = lowering.step(node.name, node.op, StepKind.POINTWISE, "pointwise")
        lowering.call(pointwise_call(step, before, out.map()))
        return
    flat = source.buffer if before.plane == 1 else -1
    if flat < 0:
        flat = lowering.new_value(result).buffer if len(node.shape) == 1 else lowering.buffer(_values(before))
        step = lowering.step(node.name, node.op, StepKind.REORDER, "to nhwc")
        lowering.call(to_nhwc(step, before, -1, Place(flat)))
    if len(node.shape) == 3:
        _from_flat(lowering, fused, flat)


def _from_flat(lowering: Lowering, fused: FusedNode, flat: int) -> None:
    """Bring the values of a buffer, in (H, W, C) order, into planes."""
    out = lowering.new_value(fused.result)
    height, width, channels = lowering.shape(fused.result)
    top, _, left, _ = out.layout.border
    phase = lowering.integers(f"{fused.node.name}/phase", [0])
    step = lowering.step(fused.node.name, fused.node.op, StepKind.REORDER, "space to depth")
    lowering.call(
        space_to_depth(
            step,
            source=Place(flat),
            source_strides=(1, width * channels, channels),
            image=(height, width, channels),
            origin=(top, left),
            strides=(1, 1),
            phases=[(0, 0)],
            phase_constants=(phase, phase),
            size=(out.layout.rows, out.layout.row),
            target=Place(out.buffer),
            plane=out.layout.plane,
        )
    )


def _values(source: Map) -> int:
    return source.height * source.width * source.channels


def _planes(source: Map, channels: np.ndarray) -> np.ndarray:
    return channels.astype(np.int64) * source.plane


def _gather(lowering: Lowering, fused: FusedNode, source: Map, tables: Tables) -> None:
    """Append the step and the call that reads ``source`` by ``tables``."""
    node, out = fused.node, lowering.new_value(fused.result).map()
    first, run, stride = longest_run(tables.columns)
    fields = Gather(
        channels=lowering.integers(f"{node.name}/channels", tables.channels),
        rows=lowering.integers(f"{node.name}/rows", tables.rows),
        columns=lowering.integers(f"{node.name}/columns", tables.columns),
        first=first,
        run=run,
        stride=stride,
        value=tables.value,
    )
    step = lowering.step(node.name, node.op, StepKind.GATHER, "gather")
    units = 1 if out.plane == 1 else out.channels
    lowering.call(KernelCall(step, "gather", fields, (source,), out, units=units, work=_values(out)))


def longest_run(columns: np.ndarray) -> tuple[int, int, int]:
    """Find the longest stretch of columns that lie a constant stride apart, as (first, length, stride).

    None, (0, 0, 1), where that is less than half of them: a table is then as fast.
    """
    steps = np.diff(columns)
    steps[(steps < 1) | (columns[:-1] < 0)] = 0
    starts = np.flatnonzero(np.concatenate([[True], steps[1:] != steps[:-1]])) if len(steps) else np.zeros(0, int)
    lengths = np.diff(np.append(starts, len(steps))) * (steps[starts] > 0)
    if not lengths.size or 2 * (lengths.max() + 1) < len(columns):
        return (0, 1, 1) if len(columns) == 1 and columns[0] >= 0 else (0, 0, 1)
    best = int(np.argmax(lengths))
    if not lengths[best]:
        return (0, 0, 1)
    return int(starts[best]), int(lengths[best]) + 1, int(steps[starts[best]])
