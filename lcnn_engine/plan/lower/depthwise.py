"""Lowering of depthwise convolutions: every filter reads one channel."""

from __future__ import annotations

from math import prod

import numpy as np

from ...model.graph import Conv2D
from ..calls import KernelCall, StepKind
from ..fields import Depthwise
from ..fusion import FusedNode
from ..lowering import Lowering
from ..references import Map
from .bands import Way, add_steps, target_of


def is_for_planes(lowering: Lowering, node: Conv2D, kernel: np.ndarray) -> bool:
    """Tell whether ``node``, with its ``kernel`` (n, m/groups, kh, kw), is computed plane by plane.

    Of few pixels most lanes would be empty: there lanes are filters.
    """
    height, width, _ = lowering.shape(node.name)
    return node.groups > 1 and kernel.shape[1] == 1 and height * width > lowering.machine.gather_pixels


def lower_depthwise(lowering: Lowering, fused: FusedNode, kernel: np.ndarray, pool: FusedNode | None) -> None:
    """Lower a convolution whose filters read one channel each, and the pool behind it."""
    node = fused.node
    assert isinstance(node, Conv2D)
    x = lowering.value(node.inputs[0]).map()
    target = target_of(lowering, fused, pool)
    weights = lowering.floats(f"{node.name}/kernel", kernel)
    bias = lowering.floats(f"{node.name}/bias", lowering.bias(node.name, node.filters))
    assert weights is not None
    assert bias is not None
    fields = Depthwise(
        weights=weights,
        bias=bias,
        filters_of_channel=node.filters // node.groups,
        kernel_h=node.kernel_size[0],
        kernel_w=node.kernel_size[1],
        stride_h=node.strides[0],
        stride_w=node.strides[1],
        dilation_h=node.dilation[0],
        dilation_w=node.dilation[1],
        top=node.padding[0],
        left=node.padding[2],
        activation=fused.activation,
        alpha=fused.alpha,
    )

    def compute(step: int, out: Map, row: int) -> KernelCall:
        source = x._replace(offset=x.offset.moved(row * node.strides[0] * x.row))
        work = out.height * out.width * kernel.size
        return KernelCall(step, "conv_depthwise", fields, (source,), out, units=node.filters, work=work)

    multiplications = prod(lowering.shape(fused.result)[:2]) * kernel.size
    ways = [Way(StepKind.CONV_DEPTHWISE, "conv depthwise", compute)]
    add_steps(lowering, fused, target, multiplications, ways)
