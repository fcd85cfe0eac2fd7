"""Lowering of dense convolutions: which of the two kernels, and how the work is blocked."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from ...model.graph import Conv2D
from ..calls import Conv, KernelCall, Map, StepKind
from ..fusion import FusedNode
from ..layout import LINE, Value
from ..lookup_orders import Lookups
from ..lowering import Lowering
from ..packing import Packing, balanced_lanes
from .bands import Way, add_steps, target_of
from .lookups import lower_as_lookups


class Blocking(NamedTuple):
    """Which kernel, filters side by side, channels of a pass, pixels of a unit, and the floats of scratch that these
    need. Channels are pairs of them where the kernel takes those."""

    kernel: str
    lanes: int
    channels: int
    pixels: int
    scratch: int


def lower_conv(lowering: Lowering, fused: FusedNode, pool: FusedNode | None = None) -> None:
    """Lower a dense convolution, and the pool behind it."""
    node = fused.node
    assert isinstance(node, Conv2D)
    kernel = lowering.tensors[f"{node.name}/kernel"]
    own = node.filters // node.groups
    if node.groups > 1 and own <= lowering.capabilities.width // 4:  # lanes would stay empty: let lanes be pixels
        lower_as_lookups(lowering, fused, node, Lookups.from_kernel(kernel, node.groups), pool)
        return
    source = lowering.value(node.inputs[0])
    target = target_of(lowering, fused, pool)
    width = target.value.layout.width
    if lowering.rounds(node):
        channels = -(-kernel.shape[1] // 2)
        words = lowering.pairs(node.name, source.buffer, source.layout.channels, source.layout.plane)
        source = Value(source.layout._replace(channels=channels), words)
        blocking = _filters_in_lanes(lowering, "conv_bf16", own, (channels, kernel[0, 0].size), target.max_rows * width)
    else:
        blocking = _blocking(lowering, own, kernel, width, target.max_rows * width)
    fields = _fields(lowering, fused, node, kernel, blocking, source.map())
    patches = blocking.kernel == "conv_patches"

    def compute(step: int, out: Map, row: int) -> KernelCall:
        pixels = out.height * out.width
        chunks = -(-pixels // blocking.pixels)
        x = source.map()
        return KernelCall(
            step,
            blocking.kernel,
            fields._replace(pixel_chunks=chunks),
            (x._replace(offset=x.offset.moved(row * node.strides[0] * x.row)),),
            out,
            units=node.groups * chunks * (1 if patches else fields.blocks),
            work=pixels * out.channels * kernel[0].size,
            scratch=blocking.scratch,
        )

    kind = StepKind.CONV_PATCHES if patches else StepKind.CONV
    label = "conv patches" if patches else f"{blocking.kernel.replace('_', ' ')} {blocking.lanes}"
    multiplications = prod(lowering.shape(fused.result)[:2]) * kernel.size
    add_steps(lowering, fused, target, multiplications, [Way(kind, label, compute)])


def _blocking(lowering: Lowering, filters: int, kernel: np.ndarray, width: int, max_pixels: int) -> Blocking:
    """Choose it for a group of ``filters``, windows as in ``kernel`` (n, channels, kh, kw), and a result of ``width``
    columns of which at most ``max_pixels`` are in memory at once."""
    able, machine = lowering.capabilities, lowering.machine
    channels, taps = kernel.shape[1], kernel[0, 0].size
    values = channels * taps
    patches = values * able.patch_pixels
    few_values = patches <= machine.patch_floats and values <= machine.patch_values * filters
    if width >= machine.patch_width and few_values:
        return Blocking("conv_patches", able.patch_filters, channels, able.patch_pixels, patches)
    return _filters_in_lanes(lowering, "conv", filters, (channels, taps), max_pixels)


def _filters_in_lanes(
    lowering: Lowering, kernel: str, filters: int, window: tuple[int, int], max_pixels: int
) -> Blocking:
    """Block a group of ``filters`` whose windows are (channels, taps) for a ``kernel`` with filters in lanes."""
    able, machine = lowering.capabilities, lowering.machine
    lanes = balanced_lanes(filters, able.width, able.conv_lanes)
    channels, values = window[0], window[0] * window[1]
    passes = -(-values * lanes * 4 // machine.conv_pass_bytes)
    pixels = min(max_pixels, machine.conv_unit_pixels)
    return Blocking(kernel, lanes, -(-channels // passes), pixels, (pixels + LINE) * lanes)


def _fields(
    lowering: Lowering, fused: FusedNode, node: Conv2D, kernel: np.ndarray, blocking: Blocking, source: Map
) -> Conv:
    """Fill in all but the number of pixel chunks, which differs from band to band."""
    own = node.filters // node.groups
    bias = lowering.bias(node.name, node.filters)
    packing = Packing.CONV_PAIRS if blocking.kernel == "conv_bf16" else Packing.CONV
    offsets = _tap_offsets(blocking.channels, source.plane, node.kernel_size, node.dilation, source.row)
    return Conv(
        weights=lowering.constant(f"{node.name}/kernel", kernel, packing, node.groups, blocking.lanes),
        bias=lowering.constant(f"{node.name}/bias", bias, Packing.CONV_BIAS, node.groups, blocking.lanes),
        offsets=lowering.integers(f"{node.name}/offsets", offsets),
        groups=node.groups,
        blocks=-(-own // blocking.lanes),
        lanes=blocking.lanes,
        group_filters=own,
        group_channels=source.channels // node.groups,
        channels_per_pass=blocking.channels,
        taps=kernel[0, 0].size,
        stride_h=node.strides[0],
        stride_w=node.strides[1],
        top=node.padding[0],
        left=node.padding[2],
        pixels_per_unit=blocking.pixels,
        pixel_chunks=0,
        activation=fused.activation,
        alpha=fused.alpha,
    )


def _tap_offsets(
    channels: int, plane: int, kernel_size: tuple[int, int], dilation: tuple[int, int], row: int
) -> np.ndarray:
    """Tell how far from a pixel each tap of a window reads, (channels, kh, kw), in planes and rows of these sizes."""
    channel, r, c = np.indices((channels, *kernel_size))
    return channel * plane + r * dilation[0] * row + c * dilation[1]
