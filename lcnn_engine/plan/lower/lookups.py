"""Lowering of lookup layers: phases for strides, S = D X, then lookups as offsets into S."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...errors import ModelFormatError
from ...model.graph import MAX_ELEMENTS, Convolution, LookupConv2D, LookupDense
from ..calls import KernelCall, StepKind
from ..fields import Lookup
from ..fusion import FusedNode
from ..layout import round_up
from ..lookup_orders import Lookups, lanes_side_by_side, rows_by_length, rows_in_parts, shared_groups
from ..lowering import Lowering
from ..references import Map, Place
from ..tiling import Tiling, alignments_of, choose_tiling
from .bands import Target, Way, add_steps, target_of
from .planes import (
    Planes,
    dictionary_of_vector,
    in_pairs,
    multiply_dictionary,
    planes_of_input,
    split_by_stride,
)
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
    pairs = lowering.on_pairs(node)
    _lower(lowering, fused, node, dictionary, lookups.in_pairs() if pairs else lookups, pool, pairs)


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
    atoms = s.channels if dictionary is None else len(dictionary)
    lookups, pairs = Lookups.from_csr(*_csr(lowering, node.name), kernel_w=1, atoms=atoms), lowering.on_pairs(node)
    if dictionary is not None:
        s = dictionary_of_vector(lowering, node.name, dictionary, s, pairs)
    elif pairs:
        s = in_pairs(lowering, node.name, s)
    lookups = lookups.in_pairs() if pairs else lookups
    _lookup_step(lowering, fused, s, lookups, lookups.atom, 0, None, pairs)


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
    pairs: bool = False,
) -> None:
    in_place = node.name in lowering.uses and lowering.uses[node.name].strides_in_place
    (sh, sw), (dh, dw) = (1, 1) if in_place else node.strides, node.dilation
    y, x = lookups.tap_row * dh, lookups.tap_column * dw
    code = y % sh * sw + x % sw
    used, phase = np.unique(code, return_inverse=True) if sh * sw > 1 else ([0], code)
    phases = [divmod(int(code), sw) for code in used] or [(0, 0)]
    if in_place or node.strides == (1, 1):
        source = planes_of_input(lowering, node)
    else:
        source = split_by_stride(lowering, node, phases)
    if dictionary is not None:
        s = multiply_dictionary(lowering, node, dictionary, source, pairs)
    else:
        s = in_pairs(lowering, node.name, source) if pairs else source
    starts = np.array([s.phases[p] for p in phases], np.int64)[phase]
    within = y // sh * s.row + x // sw
    offsets = lookups.atom * s.plane + starts + within
    _lookup_step(lowering, fused, s, lookups, offsets, int(within.max(initial=0)), pool, pairs)


def _lookup_step(
    lowering: Lowering,
    fused: FusedNode,
    s: Planes,
    lookups: Lookups,
    offsets: np.ndarray,
    halo: int,
    pool: FusedNode | None,
    pairs: bool,
) -> None:
    """``offsets`` (nnz,) int64 from the start of S, at most ``halo`` from the start of a phase of an atom.

    Filters that share their lookups go by groups, the others one by one. Lookups of ``pairs`` all go by groups: what
    is left are filters without any.
    """
    name = fused.node.name
    if s.end > MAX_ELEMENTS:
        raise ModelFormatError(f"node {name!r}: expected S of at most {MAX_ELEMENTS} values")
    offsets = offsets + s.start.offset
    fewest = 1 if pairs else lowering.machine.shared_filters
    groups, alone = shared_groups(lookups.indptr, offsets, SHARED_LANES, fewest)
    target = target_of(lowering, fused, pool, row=s.row if len(alone) else 0)
    ways = [shared_lookups(lowering, fused, s, lookups, offsets, groups)] if len(groups) else []
    if len(alone) or not ways:
        some, entries = (lookups, slice(None)) if not ways else lookups.of_filters(alone)
        ways.append(_one_by_one(lowering, fused, s, some, offsets[entries], halo, target, alone if ways else None))
    multiplications = len(offsets) * (2 if pairs else 1) * math.prod(lowering.shape(fused.result)[:-1])
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
            reads=(s.channels * len(s.phases) * (order.tile * width + halo) if order.tile else s.end) // fields.blocks,
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
    pixels = (target.max_rows - 1) * s.row + layout.width
    vectors = -(-pixels // able.width)
    tiling = choose_tiling(
        machine,
        pixels=pixels,
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
    lanes = vectors * able.width
    masked = layout.row == s.row and lanes <= machine.mask_pixels
    return Order(
        label,
        StepKind.LOOKUP_TILE,
        indptr,
        moved[entries],
        lookups.coefficients[entries],
        -(-filters // parts),
        shifts=tiling.shifts,
        mask=np.where(np.arange(lanes) % s.row < layout.width, -1, 0) if masked else None,
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
