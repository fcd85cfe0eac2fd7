"""What each kernel is told besides its maps: records with the names of the C structs in ``kernels/csrc/calls.h``, where
each is explained.
"""

from __future__ import annotations

from typing import NamedTuple

from .references import ConstantRef, IsFp16, Place

__all__ = [
    "Constant", "Conv", "Dense", "DenseInt8", "Depthwise", "Dictionary", "DictionaryBf16", "DictionaryInt8",
    "Fields", "Gather", "Interpolate", "Lookup", "LookupShared", "Lrn", "NoFields", "Nonzeros", "NonzerosInt8",
    "Norm", "PackPairs", "PackQuads", "Pointwise", "Pool", "Prelu", "Ranges", "SpaceToDepth", "ToNhwc",
    "WinogradInput",
]  # fmt: skip


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
