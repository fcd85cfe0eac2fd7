"""The plan as data: steps, and the kernel calls that they are made of.

Everything here is immutable and compares by value. Calls name buffers and constants by number: where a buffer lies in
the arena is settled by ``arena``, how a constant is packed by ``packing``, and what bytes a call becomes by ``encode``.
The records of fields have the names of the C structs in ``kernels/csrc/calls.h``, where each is explained.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

__all__ = [
    "INPUT", "Constant", "ConstantRef", "Conv", "Dense", "DenseInt8", "Depthwise", "Dictionary", "DictionaryBf16",
    "DictionaryInt8", "Fields", "Gather", "Interpolate", "IsFp16", "KernelCall", "Lookup", "LookupShared", "Lrn",
    "Map", "NoFields", "Nonzeros", "NonzerosInt8", "Norm", "PackPairs", "PackQuads", "Place", "Pointwise", "Pool",
    "Prelu", "Ranges", "SpaceToDepth", "Step", "StepKind", "ToNhwc", "WinogradInput",
]  # fmt: skip


class StepKind(enum.Enum):
    """What a step computes, and by which family of kernels; values are how JSON spells them."""

    INPUT = "input"
    OUTPUT = "output"
    REORDER = "reorder"
    SPLIT_BY_STRIDE = "split_by_stride"
    PACK_PAIRS = "pack_pairs"
    PACK_QUADS = "pack_quads"
    DICTIONARY = "dictionary"
    NONZEROS = "nonzeros"
    DENSE = "dense"
    LOOKUP_TILE = "lookup_tile"
    LOOKUP_GATHER = "lookup_gather"
    LOOKUP_SHARED = "lookup_shared"
    CONV = "conv"
    CONV_PATCHES = "conv_patches"
    CONV_DEPTHWISE = "conv_depthwise"
    WINOGRAD_INPUT = "winograd_input"
    CONV_WINOGRAD = "conv_winograd"
    POOL = "pool"
    GLOBAL_POOL = "global_pool"
    POINTWISE = "pointwise"
    COMBINE = "combine"
    LRN = "lrn"
    SOFTMAX = "softmax"
    NORM = "norm"
    CHANNEL_POOL = "channel_pool"
    CONSTANT = "constant"
    GATHER = "gather"
    INTERPOLATE = "interpolate"


class Step(NamedTuple):
    """A kernel at work on one node, in one call or in bands of rows: what runs, and the multiplications it makes.

    ``op`` and ``kernel`` are for people to read; programs go by ``kind``.
    """

    name: str
    op: str
    kind: StepKind
    kernel: str
    multiplications: int


class Place(NamedTuple):
    """``offset`` floats into buffer number ``buffer``, or into the caller's input."""

    buffer: int
    offset: int = 0

    def moved(self, floats: int) -> Place:
        """Give the place so many floats on."""
        return Place(self.buffer, self.offset + floats)


INPUT = Place(-1)  # the caller's image


class Map(NamedTuple):
    """An activation as kernels see it: ``lcnn_map``."""

    offset: Place
    plane: int
    row: int
    channels: int
    height: int
    width: int
    top: int
    bottom: int
    left: int
    right: int


class ConstantRef(NamedTuple):
    """Constant number ``number`` of the plan."""

    number: int


class IsFp16(NamedTuple):
    """1 where constant number ``number`` is packed as float16, else 0: known once it is packed."""

    number: int


class SpaceToDepth(NamedTuple):
    """Fields of space_to_depth."""

    source: Place
    channel_stride: int
    row_stride: int
    x_stride: int
    channels: int
    height: int
    width: int
    top: int
    left: int
    stride_h: int
    stride_w: int
    phases: int
    rows: int
    columns: int
    target: Place
    plane: int
    phase_y: ConstantRef
    phase_x: ConstantRef


class ToNhwc(NamedTuple):
    """Fields of to_nhwc: ``target`` where ``output`` is -1."""

    output: int
    target: Place | None


class PackPairs(NamedTuple):
    """Fields of pack_pairs."""

    source: Place
    plane: int
    channels: int
    columns: bool
    target: Place


class Ranges(NamedTuple):
    """Fields of ranges."""

    source: Place
    stride: int
    length: int
    target: Place


class PackQuads(NamedTuple):
    """Fields of pack_quads."""

    source: Place
    plane: int
    channels: int
    target: Place
    parts: Place
    count: int  # type: ignore[assignment]
    range: Place


class Dictionary(NamedTuple):
    """Fields of dictionary."""

    dictionary: ConstantRef
    k: int
    m: int
    columns: int
    block: int
    x: Place
    x_plane: int
    s: Place
    s_plane: int


class DictionaryBf16(NamedTuple):
    """Fields of dictionary_bf16."""

    dictionary: ConstantRef
    k: int
    m: int
    columns: int
    block: int
    x: Place
    x_plane: int
    s: Place
    s_plane: int
    pairs: int


class DictionaryInt8(NamedTuple):
    """Fields of dictionary_int8."""

    dictionary: ConstantRef
    scales: ConstantRef
    sums: ConstantRef
    range: Place
    k: int
    quads: int
    columns: int
    block: int
    x: Place
    x_plane: int
    s: Place
    s_plane: int


class Lookup(NamedTuple):
    """Fields of lookup_tile and lookup_gather."""

    indptr: ConstantRef
    offsets: ConstantRef
    order: ConstantRef | None
    shifts: ConstantRef
    mask: ConstantRef | None
    coefficients: ConstantRef
    bias: ConstantRef
    filters: int
    filters_per_unit: int
    blocks: int
    alignments: int
    s: Place
    s_row: int
    tile: int
    vectors: int
    activation: str
    alpha: float


class LookupShared(NamedTuple):
    """Fields of lookup_shared and lookup_shared_bf16."""

    indptr: ConstantRef
    offsets: ConstantRef
    order: ConstantRef
    coefficients: ConstantRef
    bias: ConstantRef
    groups: int
    s: Place
    s_row: int
    stride_h: int
    stride_w: int
    rows_per_unit: int
    activation: str
    alpha: float


class Conv(NamedTuple):
    """Fields of conv, conv_bf16, conv_int8, whose alone are the last three, conv_patches and conv_winograd."""

    weights: ConstantRef
    bias: ConstantRef
    offsets: ConstantRef
    groups: int
    blocks: int
    lanes: int
    group_filters: int
    group_channels: int
    channels_per_pass: int
    taps: int
    stride_h: int
    stride_w: int
    top: int
    left: int
    pixels_per_unit: int
    pixel_chunks: int
    activation: str
    alpha: float
    range: Place | None = None
    scales: ConstantRef | None = None
    sums: ConstantRef | None = None


class Depthwise(NamedTuple):
    """Fields of conv_depthwise."""

    weights: ConstantRef
    bias: ConstantRef
    filters_of_channel: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    top: int
    left: int
    activation: str
    alpha: float


class WinogradInput(NamedTuple):
    """Fields of winograd_input."""

    rows: int
    top: int
    left: int


class Nonzeros(NamedTuple):
    """Fields of nonzeros."""

    list: Place
    length: int


class Dense(NamedTuple):
    """Fields of dense and dense_bf16."""

    weights: ConstantRef
    bias: ConstantRef
    fp16: IsFp16
    list: Place
    length: int
    lanes: int
    units: int
    target: Place
    activation: str
    alpha: float


class NonzerosInt8(NamedTuple):
    """Fields of nonzeros_int8."""

    list: Place
    length: int
    parts: Place
    count: int  # type: ignore[assignment]
    range: Place


class DenseInt8(NamedTuple):
    """Fields of dense_int8."""

    weights: ConstantRef
    bias: ConstantRef
    scales: ConstantRef
    sums: ConstantRef
    range: Place
    list: Place
    length: int
    lanes: int
    units: int
    per_unit: int
    target: Place
    activation: str
    alpha: float


class Pool(NamedTuple):
    """Fields of max_pool and avg_pool."""

    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    top: int
    left: int
    span: int


class Pointwise(NamedTuple):
    """Fields of pointwise, and of all that combine two inputs, as add does."""

    scale: ConstantRef | None
    shift: ConstantRef | None
    activation: str
    alpha: float


class Prelu(NamedTuple):
    """Fields of prelu."""

    slope: ConstantRef


class Constant(NamedTuple):
    """Fields of constant."""

    values: ConstantRef


class Norm(NamedTuple):
    """Fields of layer_norm and group_norm."""

    scale: ConstantRef
    shift: ConstantRef
    groups: int
    epsilon: float


class Lrn(NamedTuple):
    """Fields of lrn."""

    radius: int
    bias: float
    alpha: float
    beta: float


class Gather(NamedTuple):
    """Fields of gather."""

    channels: ConstantRef
    rows: ConstantRef
    columns: ConstantRef
    first: int
    run: int
    stride: int
    value: float


class Interpolate(NamedTuple):
    """Fields of interpolate."""

    rows: ConstantRef
    row_weights: ConstantRef
    columns: ConstantRef
    column_weights: ConstantRef
    taps: int
    lanes: int


class NoFields(NamedTuple):
    """Of kernels that need to know their maps alone."""


Fields = (
    SpaceToDepth | ToNhwc | PackPairs | Ranges | PackQuads | Dictionary | DictionaryBf16 | DictionaryInt8 | Lookup
    | LookupShared | Conv | Depthwise | WinogradInput | Nonzeros | NonzerosInt8 | Dense | DenseInt8 | Pool | Pointwise
    | Prelu | Constant | Norm | Lrn | Gather | Interpolate | NoFields
)  # fmt: skip


class KernelCall(NamedTuple):
    """One call of ``kernel``, a name of LCNN_KERNELS, as a part of step number ``step``.

    ``units`` is how many pieces threads may share, ``work`` how many multiplications it makes or floats it moves,
    ``scratch`` how many floats of its own a thread needs, ``reads`` how many floats of S lookups go to and fro over.
    """

    step: int
    kernel: str
    fields: Fields
    inputs: tuple[Map, ...] = ()
    output: Map | None = None
    units: int = 1
    work: int = 0
    scratch: int = 0
    reads: int = 0

    @property
    def buffers(self) -> set[int]:
        """Numbers of the buffers that it reads or writes."""
        maps = self.inputs if self.output is None else (*self.inputs, self.output)
        places = [value for value in self.fields if isinstance(value, Place)]
        return {place.buffer for place in (*(map_.offset for map_ in maps), *places)} - {INPUT.buffer}
