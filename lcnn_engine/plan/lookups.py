"""Lowering of lookup layers: phases for strides, S = D X, then lookups as offsets into S."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import ModelFormatError
from ..kernels import ACTIVATION_CODES
from ..model.graph import MAX_ELEMENTS, Convolution, LookupConv2D, LookupDense
from .bands import Target, add_steps, target_of
from .builder import Builder
from .fusion import Task
from .memory import Buffer, Map, Value, plane_of, round_up, whole_lines
from .packing import Lookups, lanes_side_by_side, pack_dense, rows_by_length, rows_in_parts
from .tiling import GROUP_LINE, Tiling, choose_tiling, shifts_of

GATHER_PIXELS = 4  # results of so few pixels are gathered one by one
GATHER_FLOATS = 8192  # of S in a block of theirs: less than a first-level cache
GATHER_LOOKUPS = 16  # of a filter in a block: what a row costs before its first lookup
FEW_CHANNELS = 4  # of a picture: a product with its dictionary costs little
FEWEST_UNITS = 8  # pieces a step is cut into, for threads to share


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


def lower_lookup_conv(builder: Builder, task: Task, pool: Task | None = None) -> None:
    """A lookup convolution, and the pool behind it where one is given."""
    node = task.node
    assert isinstance(node, LookupConv2D)
    dictionary = builder.tensor(node.name, "dictionary")
    atoms = len(dictionary) if dictionary is not None else builder.shape(node.inputs[0])[2]
    lookups = Lookups.from_csr(*builder.csr(node.name), node.kernel_size[1], atoms)
    _lower(builder, task, node, dictionary, lookups, pool)


def lower_as_lookups(
    builder: Builder, task: Task, node: Convolution, lookups: Lookups, pool: Task | None = None
) -> None:
    """A convolution given as lookups of its own input's channels, without a dictionary."""
    _lower(builder, task, node, None, lookups, pool)


def _lower(
    builder: Builder,
    task: Task,
    node: Convolution,
    dictionary: np.ndarray | None,
    lookups: Lookups,
    pool: Task | None,
) -> None:
    (sh, sw), (dh, dw) = node.strides, node.dilation
    y, x = lookups.tap_row * dh, lookups.tap_column * dw
    code = y % sh * sw + x % sw
    used, phase = np.unique(code, return_inverse=True) if sh * sw > 1 else ([0], code)
    phases = [divmod(int(code), sw) for code in used] or [(0, 0)]
    source = _planes_of_input(builder, node, phases)
    s = source if dictionary is None else _multiply_dictionary(builder, node, dictionary, source)
    starts = np.array([s.phases[p] for p in phases], np.int64)[phase]
    within = y // sh * s.row + x // sw
    offsets = lookups.atom * s.plane + starts + within
    _lookup_step(builder, task, s, lookups, offsets, int(within.max(initial=0)), pool)


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
    columns = whole_lines(columns, share=8 if channels <= FEW_CHANNELS else 14)  # longer rows cost more of S = D X
    plane = plane_of(len(phases) * rows * columns)
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
    plane = plane_of(x.columns)
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
    _lookup_step(builder, task, s, lookups, lookups.atom, 0, None)


def _lookup_step(
    builder: Builder,
    task: Task,
    s: Planes,
    lookups: Lookups,
    offsets: np.ndarray,
    reach: int,
    pool: Task | None,
) -> None:
    """``offsets`` (nnz,) int64 into S, at most ``reach`` from the start of a phase of an atom."""
    name = task.node.name
    if s.channels * s.plane + s.start > MAX_ELEMENTS:
        raise ModelFormatError(f"node {name!r}: expected S of at most {MAX_ELEMENTS} values")
    target = target_of(builder, task, pool, row=s.row)
    work, width = _work_of(builder, task, lookups, offsets + s.start), builder.program.width
    filters = len(work.bias)
    if target.value.height * target.value.width <= GATHER_PIXELS:
        per_unit = round_up(-(-filters // FEWEST_UNITS), width)
        kernel = _arrange_for_gathering(work, width, per_unit, s.channels * s.plane + s.start)
    else:
        kernel, parts = _arrange_for_tiles(builder, s, work, target, reach)
        per_unit = -(-filters // parts)

    def add(out: Map, row: int) -> None:
        vectors = -(-((out.height - 1) * s.row + out.width) // width) if work.tile else 0
        builder.program.add_lookup(
            out,
            **vars(work),
            vectors=vectors,
            s=s.buffer.offset + row * s.row,
            s_row=s.row,
            filters_per_unit=per_unit,
        )

    multiplications = len(work.offsets) * math.prod(builder.shape(task.result)[:-1])
    scratch = (per_unit * work.tile + 2) * width
    add_steps(builder, task, target, kernel, add, [s.buffer], multiplications, scratch)


@dataclass
class _Work:
    """What both lookup kernels are told."""

    indptr: np.ndarray
    offsets: np.ndarray  # from the buffer of S
    coefficients: np.ndarray
    bias: np.ndarray
    activation: int
    alpha: float
    order: np.ndarray | None = None
    shifts: tuple[int, ...] = (0,)
    keep: np.ndarray | None = None
    tile: int = 0


def _work_of(builder: Builder, task: Task, lookups: Lookups, offsets: np.ndarray) -> _Work:
    bias = builder.tensor(task.node.name, "bias")
    return _Work(
        indptr=lookups.indptr,
        offsets=offsets,
        coefficients=lookups.coefficients,
        bias=np.zeros(len(lookups.indptr) - 1, np.float32) if bias is None else bias,
        activation=ACTIVATION_CODES[task.activation],
        alpha=task.alpha,
    )


def _arrange_for_gathering(work: _Work, width: int, per_unit: int, end: int) -> str:
    """Cut S, of ``end`` floats, into blocks; a unit's filters in the order of their lookups in a block, which is left
    as ``order``; those of ``width`` filters side by side."""
    filters = len(work.bias)
    blocks = 1
    if filters % width == 0:
        each = len(work.offsets) // filters
        blocks = max(1, min(-(-end // GATHER_FLOATS), each // GATHER_LOOKUPS))
    together = per_unit if blocks > 1 else filters  # with one block it does not matter which filters are of a unit
    work.indptr, work.order, entries = rows_by_length(work.indptr, work.offsets * blocks // end, blocks, together)
    entries = entries[lanes_side_by_side(work.indptr, width)]
    work.offsets, work.coefficients = work.offsets[entries], work.coefficients[entries]
    return "lookup gather" + (f" in {blocks} blocks" if blocks > 1 else "")


def _arrange_for_tiles(builder: Builder, s: Planes, work: _Work, target: Target, reach: int) -> tuple[str, int]:
    """The kernel's name, and how many parts filters come in for threads to share."""
    width, out = builder.program.width, target.value
    vectors = -(-((target.most_rows - 1) * s.row + out.width) // width)
    tiling = choose_tiling(
        vectors=vectors,
        filters=len(work.bias),
        lookups=len(work.offsets),
        planes=s.channels * len(s.phases),
        reach=reach,
        shifts=shifts_of(work.offsets) if builder.program.groups else (0,),
        width=width,
        most=builder.program.max_tile,
    )
    work.tile = tiling.tile
    if out.row == s.row:
        work.keep = np.where(np.arange(vectors * width) % s.row < out.width, -1, 0)
    _sort_into_blocks_and_groups(work, tiling, s.channels * s.plane + s.start)
    kernel = f"lookup {tiling.tile}x{width}"
    if tiling.blocks > 1:
        kernel += f" in {tiling.blocks} blocks"
    if len(tiling.shifts) > 1:
        kernel += f", {len(tiling.shifts)} groups"
    return kernel, -(-FEWEST_UNITS // -(-vectors // tiling.tile))


def _sort_into_blocks_and_groups(work: _Work, tiling: Tiling, end: int) -> None:
    """Cut S, of ``end`` floats, into blocks, and the lookups of every block into groups."""
    shifts = np.array(tiling.shifts)
    work.shifts = tiling.shifts
    line = GROUP_LINE[0] if shifts[0] >= GROUP_LINE[1] else GROUP_LINE[1]
    group = np.searchsorted(-shifts, -(work.offsets % line)) if len(shifts) > 1 else np.zeros(len(work.offsets), int)
    work.indptr, entries = rows_in_parts(
        work.indptr, work.offsets * tiling.blocks // end, group, tiling.blocks, len(shifts)
    )
    work.offsets = (work.offsets - shifts[group])[entries]
    work.coefficients = work.coefficients[entries]


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
    x = Value(1, 1, length)
    x.buffer = buffer

    def add_nonzeros() -> None:
        at = x.map()
        builder.program.add_nonzeros(at._replace(offset=at.offset + start), list=nonzeros.offset)

    def add_dense() -> None:
        weights, offsets = pack_dense(kernel, bias, builder.program.zeros)
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
    builder.step(name, "matrix x vector", "dense", add_dense, [nonzeros, target], units * length)
