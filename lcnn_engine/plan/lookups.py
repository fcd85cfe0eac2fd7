"""Lowering of lookup layers: phases for strides, S = D X, then lookups as offsets into S."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ModelFormatError
from ..graph import MAX_ELEMENTS, Convolution, LookupConv2D, LookupDense
from ..kernels import ACTIVATION_CODES
from .builder import Builder
from .fusion import Task
from .memory import Buffer, Value, round_up
from .packing import Lookups, balanced_lanes, pack_dense, rows_in_blocks, rows_in_order

GATHER_PIXELS = 4  # results of so few pixels are gathered one by one
FEWEST_UNITS = 8  # pieces a step is cut into, for threads to share
FIRST_LEVEL = 8192  # floats of S under a tile that stay in the first-level cache of 32 KiB
FEWEST_LOOKUPS = 10  # of a filter in a block of atoms: below, moving its sums costs more than the cache gives


@dataclass(frozen=True)
class Planes:
    """Planes that a lookup reads in flat runs: m channels, or k atoms, ``plane`` apart in a buffer.

    ``row`` floats from one output row to the next, ``phase`` from one phase of the stride to the next; the first float
    that lookups reach lies ``start`` into the buffer, the last one ``columns`` later.
    """

    buffer: Buffer
    channels: int
    plane: int
    row: int
    start: int
    columns: int
    phases: dict[tuple[int, int], int]  # (y, x) within a stride -> floats from `start`


def lower_lookup_conv(builder: Builder, task: Task) -> None:
    node = task.node
    assert isinstance(node, LookupConv2D)
    dictionary = builder.tensor(node.name, "dictionary")
    atoms = len(dictionary) if dictionary is not None else builder.shape(node.inputs[0])[2]
    lookups = Lookups.from_csr(*builder.csr(node.name), node.kernel_size[1], atoms)
    _lower(builder, task, node, dictionary, lookups)


def lower_as_lookups(builder: Builder, task: Task, node: Convolution, lookups: Lookups) -> None:
    """A convolution given as lookups of its own input's channels, without a dictionary."""
    _lower(builder, task, node, None, lookups)


def _lower(builder: Builder, task: Task, node: Convolution, dictionary: np.ndarray | None, lookups: Lookups) -> None:
    (sh, sw), (dh, dw) = node.strides, node.dilation
    y, x = lookups.tap_row * dh, lookups.tap_column * dw
    used, phase = np.unique(y % sh * sw + x % sw, return_inverse=True)
    phases = [divmod(int(code), sw) for code in used] or [(0, 0)]
    source = _planes_of_input(builder, node, phases)
    s = source if dictionary is None else _multiply_dictionary(builder, node, dictionary, source)
    starts = np.array([s.phases[p] for p in phases], np.int64)[phase]
    within = y // sh * s.row + x // sw
    _lookup_step(builder, task, s, lookups, lookups.atom * s.plane + starts + within, int(within.max(initial=0)))


def _planes_of_input(builder: Builder, node: Convolution, phases: list[tuple[int, int]]) -> Planes:
    if node.strides != (1, 1):
        return _split_by_stride(builder, node, phases)
    value = builder.value(node.inputs[0])
    top, _, left, _ = node.padding
    height, width = _reach(node, builder.shape(node.name), (1, 1))
    return Planes(
        value.buffer,
        value.channels,
        value.plane,
        value.row,
        start=(value.border[0] - top) * value.row + value.border[2] - left,
        columns=(height - 1) * value.row + width,
        phases={(0, 0): 0},
    )


def _reach(node: Convolution, shape: tuple[int, ...], strides: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns, counted in strides, that the windows of all output places span."""
    taps = zip(node.kernel_size, node.dilation, strides, shape[:2], strict=True)
    height, width = ((size - 1) * dilation // stride + places for size, dilation, stride, places in taps)
    return height, width


def _split_by_stride(builder: Builder, node: Convolution, phases: list[tuple[int, int]]) -> Planes:
    """Split the padded input into the phases of the stride that lookups fall on: they then read contiguous runs."""
    name = node.inputs[0]
    height, width, channels = builder.shape(name)
    rows, columns = _reach(node, builder.shape(node.name), node.strides)
    plane = round_up(len(phases) * rows * columns, 16)
    target = builder.buffer(channels * plane)
    value = None if builder.is_input(name) else builder.value(name)

    def add() -> None:
        at = value.map() if value else None
        builder.program.add_arrange(
            source=at.offset if at else -1,
            strides=(at.plane, at.row, 1) if at else (1, width * channels, channels),
            picture=(height, width, channels),
            origin=(node.padding[0], node.padding[2]),
            step=node.strides,
            phases=phases,
            size=(rows, columns),
            target=target.offset,
            plane=plane,
        )

    builder.step(node.name, "split by stride", "arrange", add, [target] + ([value.buffer] if value else []))
    starts = {phase: i * rows * columns for i, phase in enumerate(phases)}
    return Planes(target, channels, plane, columns, 0, len(phases) * rows * columns, starts)


def _multiply_dictionary(builder: Builder, node: Convolution, dictionary: np.ndarray, x: Planes) -> Planes:
    k, m = dictionary.shape
    if k == 0:  # legal: a layer without atoms has no lookups, so nobody reads S
        return Planes(x.buffer, 0, x.plane, x.row, 0, 0, x.phases)
    if x.columns == 1 and x.plane == 1:
        return _dictionary_of_vector(builder, node.name, dictionary, x)
    plane = round_up(x.columns, 16)
    target = builder.buffer(k * plane)

    def add() -> None:
        builder.program.add_dictionary(
            dictionary, columns=x.columns, x=x.buffer.offset + x.start, x_plane=x.plane, s=target.offset, s_plane=plane
        )

    builder.step(node.name, "S = D X", "sgemm", add, [target, x.buffer], k * m * x.columns)
    return Planes(target, k, plane, x.row, 0, x.columns, x.phases)


def _dictionary_of_vector(builder: Builder, name: str, dictionary: np.ndarray, x: Planes) -> Planes:
    if not len(dictionary):
        return Planes(x.buffer, 0, 1, 1, 0, 0, x.phases)
    target = builder.buffer(len(dictionary))
    matrix_times_vector(builder, name, dictionary, None, (x.buffer, x.start), target, "linear", 0.0)
    return Planes(target, len(dictionary), 1, 1, 0, 1, {(0, 0): 0})


def lower_lookup_dense(builder: Builder, task: Task) -> None:
    node = task.node
    assert isinstance(node, LookupDense)
    value = builder.value(node.inputs[0])
    s = Planes(value.buffer, value.channels, 1, 1, 0, 1, {(0, 0): 0})
    dictionary = builder.tensor(node.name, "dictionary")
    if dictionary is not None:
        s = _dictionary_of_vector(builder, node.name, dictionary, s)
    lookups = Lookups.from_csr(*builder.csr(node.name), kernel_w=1, atoms=s.channels)
    _lookup_step(builder, task, s, lookups, lookups.atom, 0)


def _lookup_step(builder: Builder, task: Task, s: Planes, lookups: Lookups, offsets: np.ndarray, reach: int) -> None:
    """``offsets`` (nnz,) int64 into S, at most ``reach`` from the start of a phase of an atom."""
    name = task.node.name
    if s.channels * s.plane + s.start > MAX_ELEMENTS:
        raise ModelFormatError(f"node {name!r}: expected S of at most {MAX_ELEMENTS} values")
    out = builder.new_value(task.result)
    pixels, filters, width = out.height * out.width, len(lookups.indptr) - 1, builder.program.width
    bias = builder.tensor(name, "bias")
    arrays: dict[str, Any] = {
        "indptr": lookups.indptr,
        "offsets": offsets.astype(np.int32),
        "coefficients": lookups.coefficients,
        "bias": np.zeros(filters, np.float32) if bias is None else bias,
        "order": None,
    }
    if pixels <= GATHER_PIXELS:
        vectors = tile = 0
        groups, kernel = 2 * FEWEST_UNITS, "lookup gather"
        arrays = _by_number_of_lookups(arrays)
    else:
        vectors = -(-((out.height - 1) * s.row + out.width) // width)
        tiles = -(-vectors // builder.program.max_tile)
        tile = -(-vectors // tiles)
        groups, kernel = -(-FEWEST_UNITS // tiles), f"lookup {tile}x{width}"
        slice_of_s = s.channels * len(s.phases) * (tile * width + reach)
        blocks = min(-(-slice_of_s // FIRST_LEVEL), len(offsets) // (filters * FEWEST_LOOKUPS))
        if blocks > 1:
            kernel += f" in {blocks} blocks"
            arrays |= _by_blocks(arrays, blocks, s.channels * s.plane)
    per_unit = -(-filters // groups)

    def add() -> None:
        builder.program.add_lookup(
            out.map(),
            **arrays,
            s=s.buffer.offset + s.start,
            s_row=s.row,
            tile=tile,
            vectors=vectors,
            filters_per_unit=per_unit,
            activation=ACTIVATION_CODES[task.activation],
            alpha=task.alpha,
        )

    uses, scratch = [s.buffer, out.buffer], per_unit * tile * width
    builder.step(name, task.node.op, kernel, add, uses, len(offsets) * pixels, scratch)


def _by_blocks(arrays: dict[str, Any], blocks: int, end: int) -> dict[str, Any]:
    """A lookup layer's arrays with S, of ``end`` floats, cut into blocks."""
    indptr, entries = rows_in_blocks(arrays["indptr"], arrays["offsets"].astype(np.int64), blocks, end)
    return {
        "indptr": indptr,
        "offsets": arrays["offsets"][entries],
        "coefficients": arrays["coefficients"][entries],
    }


def _by_number_of_lookups(arrays: dict[str, Any]) -> dict[str, Any]:
    """A lookup layer's arrays with its filters in the order of their lookups, which comes with them as ``order``."""
    order = np.argsort(np.diff(arrays["indptr"]), kind="stable")
    indptr, entries = rows_in_order(arrays["indptr"], order)
    return {
        "indptr": indptr,
        "offsets": arrays["offsets"][entries],
        "coefficients": arrays["coefficients"][entries],
        "bias": arrays["bias"][order],
        "order": order,
    }


def matrix_times_vector(
    builder: Builder,
    name: str,
    kernel: np.ndarray,
    bias: np.ndarray | None,
    source: tuple[Buffer, int],
    target: Buffer,
    activation: str,
    alpha: float,
) -> None:
    """target = activation(bias + kernel x), where x lies ``source[1]`` floats into the buffer ``source[0]``."""
    units, length = kernel.shape
    buffer, start = source
    nonzeros = builder.buffer(1 + 2 * length)
    lanes = balanced_lanes(units, builder.program.width, builder.program.dense_lanes)
    x = Value(1, 1, length)
    x.buffer = buffer

    def add_nonzeros() -> None:
        at = x.map()
        builder.program.add_nonzeros(at._replace(offset=at.offset + start), list=nonzeros.offset)

    def add_dense() -> None:
        weights, offsets = pack_dense(kernel, bias, lanes)
        builder.program.add_dense(
            weights=weights,
            bias=offsets,
            list=nonzeros.offset,
            units=units,
            target=target.offset,
            activation=ACTIVATION_CODES[activation],
            alpha=alpha,
        )

    builder.step(name, "list nonzeros", "nonzeros", add_nonzeros, [buffer, nonzeros])
    builder.step(name, "matrix x vector", f"dense {lanes}", add_dense, [nonzeros, target], units * length)
