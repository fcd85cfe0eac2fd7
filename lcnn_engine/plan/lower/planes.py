"""What lookups read: planes of the input, of its phases, or of S = D X."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...kernels import CONSTANTS, sgemm_columns
from ...model.graph import Convolution
from ..calls import KernelCall, StepKind
from ..fields import Conv, Dictionary, DictionaryBf16, DictionaryInt8
from ..layout import LINE, plane_of, round_up, whole_lines
from ..lowering import Lowering, space_to_depth
from ..packing import Packing, balanced_lanes
from ..references import INPUT, Map, Place
from .dense import matrix_times_vector
from .quantize import filter_constants, quads_of, weights_of

ATOMS = CONSTANTS["ATOMS"]  # of a block of dictionary_direct and of dictionary_int8
PANEL, PANEL_LANES = CONSTANTS["PANEL"], CONSTANTS["PANEL_LANES"]  # of dictionary_bf16: columns, atoms side by side

WORD = 4  # bytes of a float


class Planes(NamedTuple):
    """Planes that a lookup reads in flat runs: m channels, or k atoms, ``plane`` apart.

    ``row`` floats from one output row to the next, ``phase`` from one phase of the stride to the next; the first float
    that lookups reach lies at ``start``, the last one ``columns`` later.
    """

    start: Place
    channels: int
    plane: int
    row: int
    columns: int
    phases: dict[tuple[int, int], int]  # (y, x) within a stride -> floats from `start`
    strides: tuple[int, int] = (1, 1)  # of the output positions, in rows and floats: 1 where phases are apart

    @property
    def end(self) -> int:
        """Floats of the buffer, up to the end of the last plane."""
        return self.channels * self.plane + self.start.offset


def planes_of_input(lowering: Lowering, node: Convolution) -> Planes:
    """Read the input of ``node`` as it lies, with its border."""
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


def split_by_stride(lowering: Lowering, node: Convolution, phases: list[tuple[int, int]]) -> Planes:
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


def multiply_dictionary(
    lowering: Lowering, node: Convolution, dictionary: np.ndarray, x: Planes, pairs: bool
) -> Planes:
    """Add the step S = D X, D (k, m); planes of S, or of its ``pairs``."""
    if not len(dictionary):  # legal: a layer without atoms has no lookups, so nobody reads S
        return Planes(Place(x.start.buffer), 0, x.plane, x.row, 0, x.phases)
    if x.columns == 1 and x.plane == 1:
        return dictionary_of_vector(lowering, node.name, dictionary, x, pairs)
    if lowering.rounds(node):
        return _multiply_rounded(lowering, node, dictionary, x, pairs)
    if lowering.quantizes(node):
        return _multiply_integers(lowering, node, dictionary, x)
    s = _multiply_floats(lowering, node, dictionary, x)
    return in_pairs(lowering, node.name, s) if pairs else s


def _multiply_floats(lowering: Lowering, node: Convolution, dictionary: np.ndarray, x: Planes) -> Planes:
    """Add the step S = D X in float32, by the BLAS or without one."""
    k, m = dictionary.shape
    plane = plane_of(x.columns)
    target = Place(lowering.buffer(k * plane))
    name = f"{node.name}/dictionary"
    if lowering.machine.blas:
        kernel, label, block = "dictionary", "sgemm", sgemm_columns(k, x.columns, m)
        constant = lowering.constant(name, dictionary, Packing.FLOATS)
    elif round_up(x.columns, lowering.capabilities.width) >= lowering.machine.empty_lanes * x.columns:
        return _multiply_by_conv(lowering, name, dictionary, x, Planes(target, k, plane, x.row, x.columns, x.phases))
    else:  # as many tiles a unit as let threads share them
        kernel, label = "dictionary_direct", "dictionary direct"
        block = round_up(-(-x.columns // lowering.machine.units), PANEL)
        constant = lowering.constant(name, dictionary.reshape(k, m, 1, 1), Packing.CONV, 1, ATOMS)
    fields = Dictionary(constant, k, m, x.columns, block, x.start, x.plane, target, plane)
    step = lowering.step(node.name, "S = D X", StepKind.DICTIONARY, label, k * m * x.columns)
    lowering.call(KernelCall(step, kernel, fields, units=-(-x.columns // block), work=k * m * x.columns))
    return Planes(target, k, plane, x.row, x.columns, x.phases)


def _multiply_by_conv(lowering: Lowering, name: str, dictionary: np.ndarray, x: Planes, s: Planes) -> Planes:
    """Add the step S = D X as a convolution of one value, atoms in lanes: few columns would leave many of theirs
    empty."""
    (k, m), columns = dictionary.shape, x.columns
    lanes = balanced_lanes(k, lowering.capabilities.width, lowering.capabilities.conv_lanes)
    channels = -(-m // -(-m * lanes * WORD // lowering.machine.conv_pass_bytes))  # of a pass
    fields = Conv(
        weights=lowering.constant(name, dictionary.reshape(k, m, 1, 1), Packing.CONV, 1, lanes),
        bias=lowering.constant(f"{name}/zeros", np.zeros(k, np.float32), Packing.CONV_BIAS, 1, lanes),
        offsets=lowering.integers(f"{name}/offsets", np.arange(channels) * x.plane),
        groups=1,
        blocks=-(-k // lanes),
        lanes=lanes,
        group_filters=k,
        group_channels=m,
        channels_per_pass=channels,
        taps=1,
        stride_h=1,
        stride_w=1,
        top=0,
        left=0,
        pixels_per_unit=columns,
        pixel_chunks=1,
        activation="linear",
        alpha=0.0,
    )
    step = lowering.step(name.partition("/")[0], "S = D X", StepKind.DICTIONARY, f"conv {lanes}", k * m * columns)
    run = Map(x.start, x.plane, columns, m, 1, columns, 0, 0, 0, 0)
    out = Map(s.start, s.plane, columns, k, 1, columns, 0, 0, 0, 0)
    scratch = (columns + LINE) * lanes
    lowering.call(
        KernelCall(step, "conv", fields, (run,), out, units=fields.blocks, work=k * m * columns, scratch=scratch)
    )
    return s


def _multiply_rounded(lowering: Lowering, node: Convolution, dictionary: np.ndarray, x: Planes, pairs: bool) -> Planes:
    """Add the step S = D X in bfloat16, as words where it is wanted in ``pairs``."""
    k, m = dictionary.shape
    planes, plane = -(-k // 2) if pairs else k, plane_of(x.columns)
    target = Place(lowering.buffer(planes * plane))
    # As many panels a unit as let threads share them.
    block = round_up(-(-x.columns // lowering.machine.units), PANEL)
    constant = lowering.constant(f"{node.name}/dictionary", dictionary, Packing.PANELS, lanes=PANEL_LANES)
    fields = DictionaryBf16(constant, k, m, x.columns, block, x.start, x.plane, target, plane, pairs)
    step = lowering.step(node.name, "S = D X", StepKind.DICTIONARY, "dictionary bf16", k * m * x.columns)
    units, work, scratch = -(-x.columns // block), k * m * x.columns, PANEL * -(-m // 2)
    lowering.call(KernelCall(step, "dictionary_bf16", fields, units=units, work=work, scratch=scratch))
    return Planes(target, planes, plane, x.row, x.columns, x.phases)


def _multiply_integers(lowering: Lowering, node: Convolution, dictionary: np.ndarray, x: Planes) -> Planes:
    """Add the step S = D X in int8; S itself is float32."""
    k, m = dictionary.shape
    plane = plane_of(x.columns)
    words = quads_of(lowering, node.name, node.inputs[0], x.start.buffer, m, x.plane)
    target = Place(lowering.buffer(k * plane))
    tile = lowering.capabilities.dictionary_pixels
    block = round_up(-(-x.columns // lowering.machine.units), tile)
    quads = -(-m // 4)
    weights = weights_of(dictionary)
    scales, sums = filter_constants(lowering, node.name, weights, Packing.CONV_BIAS, ATOMS)
    integers = weights.integers.reshape(k, m, 1, 1)
    fields = DictionaryInt8(
        dictionary=lowering.constant(f"{node.name}/dictionary", integers, Packing.CONV_QUADS, 1, ATOMS),
        scales=scales,
        sums=sums,
        range=words.range,
        k=k,
        quads=quads,
        columns=x.columns,
        block=block,
        x=Place(words.buffer, x.start.offset),
        x_plane=x.plane,
        s=target,
        s_plane=plane,
    )
    step = lowering.step(node.name, "S = D X", StepKind.DICTIONARY, "dictionary int8", k * m * x.columns)
    units, work = -(-x.columns // block), k * m * x.columns
    lowering.call(KernelCall(step, "dictionary_int8", fields, units=units, work=work, scratch=quads * tile))
    return Planes(target, k, plane, x.row, x.columns, x.phases)


def in_pairs(lowering: Lowering, name: str, planes: Planes) -> Planes:
    """Give the same planes as words of pairs of channels."""
    words = lowering.pairs(name, planes.start.buffer, planes.channels, planes.plane)
    return planes._replace(start=Place(words, planes.start.offset), channels=-(-planes.channels // 2))


def dictionary_of_vector(lowering: Lowering, name: str, dictionary: np.ndarray, x: Planes, pairs: bool) -> Planes:
    """Add the step S = D x of a vector x; S, or its ``pairs``."""
    if not len(dictionary):
        return Planes(Place(x.start.buffer), 0, 1, 1, 0, x.phases)
    target = Place(lowering.buffer(len(dictionary)))
    matrix_times_vector(lowering, name, dictionary, np.zeros(len(dictionary), np.float32), x.start, target)
    s = Planes(target, len(dictionary), 1, 1, 1, {(0, 0): 0})
    return in_pairs(lowering, name, s) if pairs else s
