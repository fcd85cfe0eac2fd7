"""Lowering of dense convolutions: which of the two kernels, and how the work is blocked."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from ...model.graph import Conv2D
from ..calls import KernelCall, StepKind
from ..fields import Conv
from ..fusion import FusedNode
from ..layout import LINE, NO_BORDER, round_up
from ..lookup_orders import Lookups
from ..lowering import Lowering
from ..packing import Packing, balanced_lanes
from ..references import Map
from .bands import Way, add_steps, target_of
from .depthwise import is_for_planes, lower_depthwise
from .lookups import lower_as_lookups
from .quantize import filter_constants, weights_of
from .windows import Windows, windows_of
from .winograd import is_for_winograd, lower_winograd


class Blocking(NamedTuple):
    """Which kernel, filters side by side, channels of a pass, pixels of a unit, and the floats of scratch they need."""

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
    if is_for_planes(lowering, node, kernel):
        lower_depthwise(lowering, fused, kernel, pool)
        return
    own = node.filters // node.groups
    if node.groups > 1 and own <= lowering.capabilities.width // 4:  # lanes would stay empty: let lanes be pixels
        lower_as_lookups(lowering, fused, node, Lookups.from_kernel(kernel, node.groups), pool)
        return
    windows = windows_of(lowering, node, kernel)
    if pool is None and windows.packing is Packing.CONV and is_for_winograd(lowering, node):
        lower_winograd(lowering, fused, kernel)
        return
    target = target_of(lowering, fused, pool)
    blocking = _blocking(lowering, node, windows, target.value.layout.width, target.max_rows)
    fields = _fields(lowering, fused, node, kernel, blocking, windows)
    patches = blocking.kernel == "conv_patches"

    def compute(step: int, out: Map, row: int) -> KernelCall:
        pixels = out.height * out.width
        chunks = -(-pixels // blocking.pixels)
        x = windows.source
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


def _blocking(lowering: Lowering, node: Conv2D, windows: Windows, width: int, max_rows: int) -> Blocking:
    """Choose it for a result of ``width`` columns, of which at most ``max_rows`` rows are in memory at once."""
    able, machine = lowering.capabilities, lowering.machine
    filters, channels = node.filters // node.groups, windows.source.channels // node.groups
    values = channels * windows.taps.size
    patches = values * able.patch_pixels
    few_values = patches <= machine.patch_floats and values <= machine.patch_values * filters
    floats = windows.packing is Packing.CONV
    if floats and (_is_one_run(lowering, node, windows) or (width >= machine.patch_width and few_values)):
        return Blocking("conv_patches", able.patch_filters, channels, able.patch_pixels, patches)
    lanes = balanced_lanes(filters, able.width, able.conv_lanes)
    passes = -(-values * lanes * 4 // machine.conv_pass_bytes)
    pixels = min(max_rows * width, machine.conv_unit_pixels)
    kernel = {Packing.CONV: "conv", Packing.CONV_QUADS: "conv_int8"}.get(windows.packing, "conv_bf16")
    return Blocking(kernel, lanes, -(-channels // passes), pixels, (pixels + LINE) * lanes)


def _is_one_run(lowering: Lowering, node: Conv2D, windows: Windows) -> bool:
    """Tell whether windows of one value each lie as the result does, nearly fill their vectors, and all weights stay in
    the second-level cache: then no window has to be brought together."""
    machine, width, x = lowering.machine, lowering.capabilities.width, windows.source
    pixels = x.height * x.width
    return (
        windows.taps.size == 1
        and node.strides == (1, 1)
        and node.padding == NO_BORDER
        and x.row == x.width
        and pixels >= machine.patch_run_share * round_up(pixels, width)
        and node.filters * x.channels // node.groups * 4 <= machine.patch_run_bytes
    )


def _fields(
    lowering: Lowering, fused: FusedNode, node: Conv2D, kernel: np.ndarray, blocking: Blocking, windows: Windows
) -> Conv:
    """Fill in all but the number of pixel chunks, which differs from band to band."""
    own = node.filters // node.groups
    bias = lowering.bias(node.name, node.filters)
    offsets = windows.offsets(blocking.channels)
    scales = sums = None
    if windows.packing is Packing.CONV_QUADS:
        weights = weights_of(kernel)
        kernel = weights.integers
        scales, sums = filter_constants(lowering, node.name, weights, Packing.CONV_BIAS, blocking.lanes)
    return Conv(
        weights=lowering.constant(f"{node.name}/kernel", kernel, windows.packing, node.groups, blocking.lanes),
        bias=lowering.constant(f"{node.name}/bias", bias, Packing.CONV_BIAS, node.groups, blocking.lanes),
        offsets=lowering.integers(f"{node.name}/offsets", offsets),
        groups=node.groups,
        blocks=-(-own // blocking.lanes),
        lanes=blocking.lanes,
        group_filters=own,
        group_channels=windows.source.channels // node.groups,
        channels_per_pass=blocking.channels,
        taps=windows.taps.size,
        stride_h=node.strides[0],
        stride_w=node.strides[1],
        top=node.padding[0],
        left=node.padding[2],
        pixels_per_unit=blocking.pixels,
        pixel_chunks=0,
        activation=fused.activation,
        alpha=fused.alpha,
        range=windows.range,
        scales=scales,
        sums=sums,
    )
