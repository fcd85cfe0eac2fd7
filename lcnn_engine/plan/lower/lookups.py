"""Lowering of lookup layers: phases for strides, S = D X, then lookups as offsets into S."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...errors import ModelFormatError
from ...kernels import sgemm_columns
from ...model.graph import MAX_ELEMENTS, Convolution, LookupConv2D, LookupDense
from ..calls import INPUT, Dictionary, KernelCall, Lookup, Map, Place, StepKind
from ..fusion import FusedNode
from ..layout import plane_of, round_up, whole_lines
from ..lookup_orders import Lookups, lanes_side_by_side, rows_by_length, rows_in_parts, shared_groups
from ..lowering import Lowering, space_to_depth
from ..tiling import Tiling, alignments_of, choose_tiling
from .bands import Target, Way, add_steps, target_of
from .dense import matrix_times_vector
from .planes import Planes
from .shared_lookups import SHARED_LANES, shared_lookups


class Order(NamedTuple):
    """The lookups of a layer in the order in which a kernel walks them, ``offsets`` counted from the buffer of S."""

    label: str
    kind: StepKind
    indptr: np.ndarray
    offsets: np.ndarray
    coefficients: np.ndarray
    filters_per_unit: int
    shifts: tuple[int, ...] = (0,)
    row_filters: np.ndarray | None = None
    mask: np.ndarray | None = None
    tile: int = 0


def lower_lookup_conv(lowering: Lowering, fused: FusedNode, pool: FusedNode | None = None) -> None:
    """Lower a lookup convolution, and the pool behind it where one is given."""
    node = fused.node
    assert isinstance(node, LookupConv2D)
    dictionary = lowering.tensor(node.name, "dictionary")
    atoms = len(dictionary) if dictionary is not None else lowering.shape(node.inputs[0])[2]
    lookups = Lookups.from_csr(*_csr(lowering, node.name), node.kernel_size[1], atoms)
    _lower(lowering, fused, node, dictionary, lookups, pool)


def lower_as_lookups(
    lowering: Lowering, fused: FusedNode, node: Convolution, lookups: Lookups, pool: FusedNode | None = None
) -> None:
    """Lower a convolution given as lookups of its own input's channels, without a dictionary."""
    _lower(lowering, fused, node, None, lookups, pool)


def lower_lookup_dense(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a lookup layer of a vector."""
    node = fused.node
    assert isinstance(node, LookupDense)
    value = lowering.value(node.inputs[0])
    s = Planes(Place(value.buffer), value.layout.channels, 1, 1, 1, {(0, 0): 0})
    dictionary = lowering.tensor(node.name, "dictionary")
    if dictionary is not None:
        s = _dictionary_of_vector(lowering, node.name, dictionary, s)
    lookups = Lookups.from_csr(*_csr(lowering, node.name), kernel_w=1, atoms=s.channels)
    _lookup_step(lowering, fused, s, lookups, lookups.atom, 0, None)


def _csr(lowering: Lowering, node: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give indptr (n+1,), indices (nnz,) and coefficients (nnz,) of a lookup layer."""
    tensors = lowering.tensors
    return tensors[f"{node}/indptr"], tensors[f"{node}/indices"], tensors[f"{node}/coefficients"]


def _lower(
    lowering: Lowering,
    fused: FusedNode,
    node: Convolution,
    dictionary: np.ndarray | None,
    lookups: Lookups,
    pool: FusedNode | None,
) -> None:
    in_place = node.name in lowering.uses and lowering.uses[node.name].strides_in_place
    (sh, sw), (dh, dw) = (1, 1) if in_place else node.strides, node.dilation
    y, x = lookups.tap_row * dh, lookups.tap_column * dw
    code = y % sh * sw + x % sw
    used, phase = np.unique(code, return_inverse=True) if sh * sw > 1 else ([0], code)
    phases = [divmod(int(code), sw) for code in used] or [(0, 0)]
    if in_place or node.strides == (1, 1):
        source = _planes_of_input(lowering, node)
    else:
        source = _split_by_stride(lowering, node, phases)
    s = source if dictionary is None else _multiply_dictionary(lowering, node, dictionary, source)
    starts = np.array([s.phases[p] for p in phases], np.int64)[phase]
    within = y // sh * s.row + x // sw
    offsets = lookups.atom * s.plane + starts + within
    _lookup_step(lowering, fused, s, lookups, offsets, int(within.max(initial=0)), pool)


def _planes_of_input(lowering: Lowering, node: Convolution) -> Planes:
    value = lowering.value(node.inputs[0])
    layout = value.layout
    top, _, left, _ = node.padding
    height, width = _extent(node, lowering.shape(node.name), (1, 1))
    return Planes(
        Place(value.buffer, (layout.border[0] - top) * layout.row + layout.border[2] - left),
        layout.channels,
        layout.plane,
        layout.row,
        columns=(height - 1) * layout.row + width,
        phases={(0, 0): 0},
        strides=node.strides,
    )


def _extent(node: Convolution, shape: tuple[int, ...], strides: tuple[int, int]) -> tuple[int, int]:
    """Count rows and columns, in strides, that the windows of all output positions span."""
    taps = zip(node.kernel_size, node.dilation, strides, shape[:2], strict=True)
    height, width = ((size - 1) * dilation // stride + positions for size, dilation, stride, positions in taps)
    return height, width


def _split_by_stride(lowering: Lowering, node: Convolution, phases: list[tuple[int, int]]) -> Planes:
    """Split the padded input into the phases of the stride that lookups fall on: they then read contiguous runs."""
    name, machine = node.inputs[0], lowering.machine
    height, width, channels = lowering.shape(name)
    rows, columns = _extent(node, lowering.shape(node.name), node.strides)
    few = channels <= machine.few_channels  # longer rows cost more of S = D X
    columns = whole_lines(columns, machine.line_share_few_channels if few else machine.line_share)
    plane = plane_of(len(phases) * rows * columns)
    target = Place(lowering.buffer(channels * plane))
    if lowering.is_input(name):
        source, strides = INPUT, (1, width * channels, channels)
    else:
        map_ = lowering.value(name).map()
        source, strides = map_.offset, (map_.plane, map_.row, 1)
    step = lowering.step(node.name, "split by stride", StepKind.SPLIT_BY_STRIDE, "space to depth")
    lowering.call(
        space_to_depth(
            step,
            source=source,
            source_strides=strides,
            image=(height, width, channels),
            origin=(node.padding[0], node.padding[2]),
            strides=node.strides,
            phases=phases,
            phase_constants=(
                lowering.integers(f"{node.name}/phase_y", [y for y, _ in phases]),
                lowering.integers(f"{node.name}/phase_x", [x for _, x in phases]),
            ),
            size=(rows, columns),
            target=target,
            plane=plane,
        )
    )
    starts = {phase: i * rows * columns for i, phase in enumerate(phases)}
    return Planes(target, channels, plane, columns, len(phases) * rows * columns, starts)


def _multiply_dictionary(lowering: Lowering, node: Convolution, dictionary: np.ndarray, x: Planes) -> Planes:
    k, m = dictionary.shape
    if k == 0:  # legal: a layer without atoms has no lookups, so nobody reads S
        return Planes(Place(x.start.buffer), 0, x.plane, x.row, 0, x.phases)
    if x.columns == 1 and x.plane == 1:
        return _dictionary_of_vector(lowering, node.name, dictionary, x)
    plane = plane_of(x.columns)
    target = Place(lowering.buffer(k * plane))
    block = sgemm_columns(k, x.columns, m)
    constant = lowering.floats(f"{node.name}/dictionary", dictionary)
    assert constant is not None
    fields = Dictionary(constant, k, m, x.columns, block, x.start, x.plane, target, plane)
    step = lowering.step(node.name, "S = D X", StepKind.DICTIONARY, "sgemm", k * m * x.columns)
    lowering.call(KernelCall(step, "dictionary", fields, units=-(-x.columns // block), work=k * m * x.columns))
    return Planes(target, k, plane, x.row, x.columns, x.phases)


def _dictionary_of_vector(lowering: Lowering, name: str, dictionary: np.ndarray, x: Planes) -> Planes:
    if not len(dictionary):
        return Planes(Place(x.start.buffer), 0, 1, 1, 0, x.phases)
    target = Place(lowering.buffer(len(dictionary)))
    matrix_times_vector(lowering, name, dictionary, np.zeros(len(dictionary), np.float32), x.start, target)
    return Planes(target, len(dictionary), 1, 1, 1, {(0, 0): 0})


def _lookup_step(
    lowering: Lowering,
    fused: FusedNode,
    s: Planes,
    lookups: Lookups,
    offsets: np.ndarray,
    halo: int,
    pool: FusedNode | None,
) -> None:
    """``offsets`` (nnz,) int64 from the start of S, at most ``halo`` from the start of a phase of an atom.

    Filters that share their lookups go by groups, the others one by one.
    """
    name = fused.node.name
    if s.end > MAX_ELEMENTS:
        raise ModelFormatError(f"node {name!r}: expected S of at most {MAX_ELEMENTS} values")
    target = target_of(lowering, fused, pool, row=s.row)
    offsets = offsets + s.start.offset
    groups, alone = shared_groups(lookups.indptr, offsets, SHARED_LANES, lowering.machine.shared_filters)
    ways = [shared_lookups(lowering, fused, s, lookups, offsets, groups)] if len(groups) else []
    if len(alone) or not ways:
        some, entries = (lookups, slice(None)) if not ways else lookups.of_filters(alone)
        ways.append(_one_by_one(lowering, fused, s, some, offsets[entries], halo, target, alone if ways else None))
    multiplications = len(offsets) * math.prod(lowering.shape(fused.result)[:-1])
    add_steps(lowering, fused, target, multiplications, ways)


def _one_by_one(
    lowering: Lowering,
    fused: FusedNode,
    s: Planes,
    lookups: Lookups,
    offsets: np.ndarray,
    halo: int,
    target: Target,
    filters: np.ndarray | None,
) -> Way:
    """Give the way of ``lookups`` at ``offsets``, those of ``filters`` (n,); of all filters where that is None."""
    layout = target.value.layout
    if layout.height * layout.width <= lowering.machine.gather_pixels:
        order = _order_for_gathering(lowering, lookups, offsets, s.end)
    else:
        order = _order_for_tiles(lowering, s, lookups, offsets, target, halo)
    fields = _fields(lowering, fused, s, order, filters)
    width = lowering.capabilities.width

    def compute(step: int, out: Map, row: int) -> KernelCall:
        vectors = -(-((out.height - 1) * s.row + out.width) // width) if order.tile else 0
        shares = -(-fields.filters // order.filters_per_unit)
        columns = vectors * width if order.tile else out.height * out.width
        return KernelCall(
            step,
            "lookup_tile" if order.tile else "lookup_gather",
            fields._replace(s=fields.s.moved(row * s.row), vectors=vectors),
            (),
            out,
            units=shares * (-(-vectors // order.tile) if order.tile else 1),
            work=len(order.offsets) * columns,
            scratch=(order.filters_per_unit * order.tile + 2) * width,
        )

    return Way(order.kind, order.label, compute)


def _fields(lowering: Lowering, fused: FusedNode, s: Planes, order: Order, filters: np.ndarray | None) -> Lookup:
    """Fill in all but the number of vectors, which differs from band to band."""
    name, mask, rows = fused.node.name, order.mask, order.row_filters
    bias = lowering.bias(name, lowering.shape(fused.node.name)[-1])
    count = len(bias) if filters is None else len(filters)
    if filters is not None:  # a tile's bias goes by its own filters, a gather's by those of the layer
        rows, bias = (filters, bias[filters]) if rows is None else (filters[rows], bias)
    coefficients, biases = (
        lowering.floats(f"{name}/coefficients", order.coefficients),
        lowering.floats(f"{name}/bias", bias),
    )
    assert coefficients is not None
    assert biases is not None
    return Lookup(
        indptr=lowering.integers(f"{name}/indptr", order.indptr),
        offsets=lowering.integers(f"{name}/offsets", order.offsets),
        order=None if rows is None else lowering.integers(f"{name}/order", rows),
        shifts=lowering.integers(f"{name}/shifts", order.shifts),
        mask=None if mask is None else lowering.integers(f"{name}/mask", mask),
        coefficients=coefficients,
        bias=biases,
        filters=count,
        filters_per_unit=order.filters_per_unit,
        blocks=(len(order.indptr) - 1) // (count * len(order.shifts)),
        alignments=len(order.shifts),
        s=Place(s.start.buffer),
        s_row=s.row,
        tile=order.tile,
        vectors=0,
        activation=fused.activation,
        alpha=fused.alpha,
    )


def _order_for_gathering(lowering: Lowering, lookups: Lookups, offsets: np.ndarray, end: int) -> Order:
    """Cut S, of ``end`` floats, into blocks; a unit's filters in the order of their lookups in a block.

    Lookups of as many filters as a vector has lanes lie side by side.
    """
    machine, width = lowering.machine, lowering.capabilities.width
    filters = len(lookups.indptr) - 1
    per_unit = round_up(-(-filters // machine.units), width)
    blocks = 1
    if filters % width == 0:
        each = len(offsets) // filters
        blocks = max(1, min(-(-end // machine.gather_floats), each // machine.gather_block_lookups))
    together = per_unit if blocks > 1 else filters  # with one block it does not matter which filters are of a unit
    indptr, row_filters, entries = rows_by_length(lookups.indptr, offsets * blocks // end, blocks, together)
    entries = entries[lanes_side_by_side(indptr, width)]
    return Order(
        "lookup gather" + (f" in {blocks} blocks" if blocks > 1 else ""),
        StepKind.LOOKUP_GATHER,
        indptr,
        offsets[entries],
        lookups.coefficients[entries],
        per_unit,
        row_filters=row_filters,
    )


def _order_for_tiles(
    lowering: Lowering, s: Planes, lookups: Lookups, offsets: np.ndarray, target: Target, halo: int
) -> Order:
    """Sort lookups for tiles of pixels, blocks of atoms and alignments, as the model of their cost chooses."""
    able, machine, layout = lowering.capabilities, lowering.machine, target.value.layout
    filters = len(lookups.indptr) - 1
    vectors = -(-((target.max_rows - 1) * s.row + layout.width) // able.width)
    tiling = choose_tiling(
        machine,
        vectors=vectors,
        filters=filters,
        lookups=len(offsets),
        planes=s.channels * len(s.phases),
        halo=halo,
        shifts=alignments_of(offsets, machine.alignment_lines) if able.alignments else (0,),
        width=able.width,
        max_tile=able.max_tile,
    )
    indptr, moved, entries = _blocks_and_alignments(lookups.indptr, offsets, tiling, s.end, machine.alignment_lines)
    parts = -(-machine.units // -(-vectors // tiling.tile))
    label = f"lookup {tiling.tile}x{able.width}"
    label += f" in {tiling.blocks} blocks" if tiling.blocks > 1 else ""
    label += f", {len(tiling.shifts)} alignments" if len(tiling.shifts) > 1 else ""
    pixels = vectors * able.width
    masked = layout.row == s.row and pixels <= machine.mask_pixels
    return Order(
        label,
        StepKind.LOOKUP_TILE,
        indptr,
        moved[entries],
        lookups.coefficients[entries],
        -(-filters // parts),
        shifts=tiling.shifts,
        mask=np.where(np.arange(pixels) % s.row < layout.width, -1, 0) if masked else None,
        tile=tiling.tile,
    )


def _blocks_and_alignments(
    indptr: np.ndarray, offsets: np.ndarray, tiling: Tiling, end: int, lines: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut S, of ``end`` floats, into blocks, and sort the lookups of every block by alignment: the new ``indptr``, the
    offsets less their shifts, and where each entry was before."""
    shifts = np.array(tiling.shifts)
    line = lines[0] if shifts[0] >= lines[1] else lines[1]
    alignment = np.searchsorted(-shifts, -(offsets % line)) if len(shifts) > 1 else np.zeros(len(offsets), int)
    blocks = offsets * tiling.blocks // end
    indptr, entries = rows_in_parts(indptr, blocks, alignment, tiling.blocks, len(shifts))
    return indptr, offsets - shifts[alignment], entries
