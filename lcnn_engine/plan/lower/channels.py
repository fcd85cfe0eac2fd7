"""Lowering of what looks at all channels of a pixel or a whole image: norms, softmax, pools over channels."""

from __future__ import annotations

from ...model.graph import LRN, GroupNorm
from ...model.graph import Norm as NormNode
from ..calls import KernelCall, StepKind
from ..fields import Lrn, NoFields, Norm
from ..fusion import FusedNode
from ..lowering import Lowering
from ..packing import Packing


def lower_softmax(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a softmax over channels, or its logarithm; the kernel has the name of the operation."""
    source, out = lowering.value(fused.node.inputs[0]).map(), lowering.new_value(fused.result).map()
    op = fused.node.op
    step = lowering.step(fused.node.name, op, StepKind.SOFTMAX, op.replace("_", " "))
    work = 10 * source.channels * source.height * source.width
    scratch = 2 * out.channels + lowering.capabilities.width
    lowering.call(KernelCall(step, op, NoFields(), (source,), out, units=source.height, work=work, scratch=scratch))


def lower_norm(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a layer norm or a group norm; the kernel has the name of the operation."""
    node = fused.node
    assert isinstance(node, NormNode)
    value = lowering.value(node.inputs[0])
    source, out = value.map(), lowering.new_value(fused.result, over=[value]).map()
    groups = node.groups if isinstance(node, GroupNorm) else 1
    scale, shift = (
        lowering.constant(f"{node.name}/{key}", lowering.tensors[f"{node.name}/{key}"], Packing.FLOATS)
        for key in ("scale", "shift")
    )
    count = source.channels * source.height * source.width
    step = lowering.step(node.name, node.op, StepKind.NORM, node.op.replace("_", " "), 3 * count)
    units = groups if isinstance(node, GroupNorm) else source.height
    fields = Norm(scale, shift, groups, node.epsilon)
    lowering.call(KernelCall(step, node.op, fields, (source,), out, units=units, work=3 * count))


def lower_channel_pool(lowering: Lowering, fused: FusedNode) -> None:
    """Lower the max or mean over the channels of every pixel; the kernel has the name of the operation."""
    node = fused.node
    source, out = lowering.value(node.inputs[0]).map(), lowering.new_value(fused.result).map()
    step = lowering.step(node.name, node.op, StepKind.CHANNEL_POOL, node.op.replace("_", " "))
    work = source.channels * source.height * source.width
    lowering.call(KernelCall(step, node.op, NoFields(), (source,), out, units=source.height, work=work))


def lower_lrn(lowering: Lowering, fused: FusedNode) -> None:
    """Lower local response normalization over channels."""
    node = fused.node
    assert isinstance(node, LRN)
    source, out = lowering.value(node.inputs[0]).map(), lowering.new_value(fused.result).map()
    radius = min(node.depth_radius, source.channels)
    step = lowering.step(node.name, node.op, StepKind.LRN, "lrn")
    lowering.call(
        KernelCall(
            step,
            "lrn",
            Lrn(radius, node.bias, node.alpha, node.beta),
            (source,),
            out,
            units=out.height,
            work=source.channels * source.height * source.width * (2 * radius + 1),
            scratch=3 * out.width,
        )
    )
