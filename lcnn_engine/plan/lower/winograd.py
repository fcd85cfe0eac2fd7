"""Lowering of 3x3 convolutions by Winograd's minimal filtering: 16 products for 2 x 2 results instead of 36."""

from __future__ import annotations

import numpy as np

from ...model.graph import Conv2D
from ..calls import KernelCall, StepKind
from ..fields import Conv, WinogradInput
from ..fusion import FusedNode
from ..layout import LINE, plane_of
from ..lowering import Lowering
from ..packing import Packing, balanced_lanes
from ..references import Map, Place

VALUES, RESULTS = 4 * 4, 2 * 2  # of a window, and of what comes of it


def is_for_winograd(lowering: Lowering, node: Conv2D) -> bool:
    """Tell whether ``node``, in float32, takes less time by windows of 4 x 4.

    The windows of all channels are written and read once, and so are the 16 sums of every filter: with few channels or
    filters that takes longer than the products that are spared. In a small result many windows leave the image.
    """
    machine = lowering.machine
    height, width, filters = lowering.shape(node.name)
    channels = lowering.shape(node.inputs[0])[2]
    return (
        (node.kernel_size, node.strides, node.dilation, node.groups) == ((3, 3), (1, 1), (1, 1), 1)
        and min(channels, filters) >= machine.winograd_channels
        and min(height, width) >= machine.winograd_side
    )


def lower_winograd(lowering: Lowering, fused: FusedNode, kernel: np.ndarray) -> None:
    """Lower a convolution of ``kernel`` (n, m, 3, 3): a call that makes windows, and one that makes results of them."""
    node = fused.node
    assert isinstance(node, Conv2D)
    x, value = lowering.value(node.inputs[0]).map(), lowering.new_value(fused.result)
    windows = _windows(lowering, x, value.layout.height, value.layout.width)
    fields = _fields(lowering, fused, node, kernel, windows)
    count, per_unit = windows.height * windows.width, fields.pixels_per_unit * windows.width
    label, multiplications = f"conv winograd {fields.lanes}", VALUES * count * node.filters * x.channels
    step = lowering.step(node.name, "windows", StepKind.WINOGRAD_INPUT, "winograd input")
    moved = VALUES * count * x.channels
    padded = WinogradInput(value.layout.height + 2, node.padding[0], node.padding[2])
    lowering.call(KernelCall(step, "winograd_input", padded, (x,), windows, units=x.channels, work=moved))
    step = lowering.step(node.name, node.op, StepKind.CONV_WINOGRAD, label, multiplications)
    units, scratch = fields.blocks * fields.pixel_chunks, ((VALUES + RESULTS) * per_unit + LINE) * fields.lanes
    lowering.call(
        KernelCall(step, "conv_winograd", fields, (windows,), value.map(), units, work=multiplications, scratch=scratch)
    )


def _windows(lowering: Lowering, x: Map, height: int, width: int) -> Map:
    """Make room for the windows of ``x`` of which ``height`` x ``width`` results are made, value by value."""
    rows, columns = -(-height // 2), -(-width // 2)
    plane = plane_of(rows * columns)
    buffer = lowering.buffer(VALUES * (x.channels * plane + LINE))
    return Map(Place(buffer), plane, columns, x.channels, rows, columns, 0, 0, 0, 0)


def _fields(lowering: Lowering, fused: FusedNode, node: Conv2D, kernel: np.ndarray, windows: Map) -> Conv:
    able, name = lowering.capabilities, node.name
    lanes = balanced_lanes(node.filters, able.width, able.conv_lanes)
    rows = min(windows.height, max(1, lowering.machine.winograd_unit // windows.width))
    return Conv(
        weights=lowering.constant(f"{name}/kernel", kernel, Packing.CONV_WINOGRAD, lanes=lanes),
        bias=lowering.constant(f"{name}/bias", lowering.bias(name, node.filters), Packing.CONV_BIAS, lanes=lanes),
        offsets=lowering.integers(f"{name}/offsets", np.arange(windows.channels) * windows.plane),
        groups=1,
        blocks=-(-node.filters // lanes),
        lanes=lanes,
        group_filters=node.filters,
        group_channels=windows.channels,
        channels_per_pass=windows.channels,
        taps=1,
        stride_h=1,
        stride_w=1,
        top=0,
        left=0,
        pixels_per_unit=rows,
        pixel_chunks=-(-windows.height // rows),
        activation=fused.activation,
        alpha=fused.alpha,
    )
