"""Lowering of what works value by value: activations, sums and the like, copies, constants."""

from __future__ import annotations

from ...model.graph import Divide, Multiply, ZeroPad2D
from ..calls import KernelCall, StepKind
from ..fields import Constant, Pointwise, Prelu, ToNhwc
from ..fusion import FusedNode
from ..lowering import Lowering
from ..packing import Packing
from ..references import Map, Place


def lower_pointwise(lowering: Lowering, fused: FusedNode) -> None:
    """Lower an activation or a batch norm."""
    name = fused.node.name
    source = lowering.value(fused.node.inputs[0])
    out = lowering.new_value(fused.result, over=[source])
    scale, shift = lowering.tensor(name, "scale"), lowering.tensor(name, "shift")
    fields = Pointwise(
        lowering.floats(f"{name}/scale", scale), lowering.floats(f"{name}/shift", shift), fused.activation, fused.alpha
    )
    multiplications = 0 if scale is None else out.layout.height * out.layout.width * out.layout.channels
    step = lowering.step(name, fused.node.op, StepKind.POINTWISE, "pointwise", multiplications)
    lowering.call(pointwise_call(step, source.map(), out.map(), fields))


COPY = Pointwise(None, None, "linear", 0.0)


def pointwise_call(step: int, source: Map, out: Map, fields: Pointwise = COPY) -> KernelCall:
    """Make a call that applies ``fields``, or copies."""
    units = 1 if source.plane == out.plane == 1 else source.channels
    work = source.channels * source.height * source.width
    return KernelCall(step, "pointwise", fields, (source,), out, units=units, work=work)


def lower_prelu(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a ReLU with a slope of its own for each channel."""
    name = fused.node.name
    source = lowering.value(fused.node.inputs[0])
    out = lowering.new_value(fused.result, over=[source])
    slope = lowering.constant(f"{name}/slope", lowering.tensors[f"{name}/slope"], Packing.FLOATS)
    step = lowering.step(name, fused.node.op, StepKind.POINTWISE, "prelu")
    call = pointwise_call(step, source.map(), out.map())
    lowering.call(call._replace(kernel="prelu", fields=Prelu(slope)))


def lower_constant(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a value that the model holds: a copy of it, in planes."""
    name, out = fused.node.name, lowering.new_value(fused.result)
    value = lowering.tensors[f"{name}/value"]
    planes = value.transpose(2, 0, 1) if value.ndim == 3 else value
    values = lowering.constant(f"{name}/value", planes, Packing.FLOATS)
    step = lowering.step(name, fused.node.op, StepKind.CONSTANT, "constant")
    units = 1 if out.layout.plane == 1 else out.layout.channels
    lowering.call(KernelCall(step, "constant", Constant(values), (), out.map(), units=units, work=value.size))


def lower_zero_pad2d(lowering: Lowering, fused: FusedNode) -> None:
    """Lower padding: a copy with a border that is a part of the value."""
    node = fused.node
    assert isinstance(node, ZeroPad2D)
    source, out = lowering.value(node.inputs[0]).map(), lowering.new_value(fused.result).map()
    top, bottom, left, right = node.padding
    inner = out._replace(
        offset=out.offset.moved(top * out.row + left),
        height=source.height,
        width=source.width,
        top=out.top + top,
        bottom=out.bottom + bottom,
        left=out.left + left,
        right=out.right + right,
    )
    step = lowering.step(node.name, node.op, StepKind.POINTWISE, "pointwise")
    lowering.call(pointwise_call(step, source, inner))


def lower_concat(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a concatenation: a copy of each input to its channels."""
    sources = [lowering.value(name) for name in fused.node.inputs]
    out = lowering.new_value(fused.result)
    first = 0
    for source in sources:
        step = lowering.step(fused.node.name, fused.node.op, StepKind.POINTWISE, "pointwise")
        channels = source.layout.channels
        lowering.call(pointwise_call(step, source.map(), out.map(first, channels)))
        first += channels


REVERSED = {"subtract": "subtract_from", "divide": "divide_into"}
"""Kernels for those whose order matters, for the second input first."""


def lower_combine(lowering: Lowering, fused: FusedNode) -> None:
    """Lower add and all that combine values: the inputs one after the other, the largest first.

    The activation comes with the last. The kernel has the name of the operation, or that of REVERSED.
    """
    node = fused.node
    given = [lowering.value(name) for name in node.inputs]
    sizes = [value.layout.height * value.layout.width * value.layout.channels for value in given]
    sources = sorted(given, key=lambda v: -v.layout.height * v.layout.width * v.layout.channels)
    kernel = REVERSED.get(node.op, node.op) if sizes[0] < max(sizes) else node.op
    out = lowering.new_value(fused.result, over=sources[:2])
    count = max(sizes)
    multiplications = count if isinstance(node, Multiply | Divide) else 0
    left = sources[0]
    for number, right in enumerate(sources[1:], start=2):
        last = number == len(sources)
        fields = Pointwise(None, None, fused.activation, fused.alpha) if last else COPY
        step = lowering.step(node.name, node.op, StepKind.COMBINE, "combine", multiplications)
        maps = left.map(), right.map()
        vectors = all(map_.plane == 1 for map_ in (*maps, out.map()))
        units = 1 if vectors else out.layout.channels
        lowering.call(KernelCall(step, kernel, fields, maps, out.map(), units=units, work=count))
        left = out


def lower_flatten(lowering: Lowering, fused: FusedNode) -> None:
    """Lower flatten: a map in (H, W, C) order; one pixel without a border is a vector already."""
    source = lowering.value(fused.node.inputs[0])
    if source.layout.plane == 1:
        lowering.alias(fused.result, source)
        return
    out = lowering.new_value(fused.result)
    step = lowering.step(fused.node.name, fused.node.op, StepKind.REORDER, "to nhwc")
    lowering.call(to_nhwc(step, source.map(), -1, Place(out.buffer)))


def lower_output(lowering: Lowering, number: int, name: str) -> None:
    """Write the value ``name`` into the caller's output number ``number``."""
    step = lowering.step(name, "output", StepKind.OUTPUT, "to nhwc")
    lowering.call(to_nhwc(step, lowering.value(name).map(), number, None))


def to_nhwc(step: int, source: Map, output: int, target: Place | None) -> KernelCall:
    """Make a call that writes ``source`` in (H, W, C) order, to ``target`` where ``output`` is -1."""
    size = source.height * source.width * source.channels
    return KernelCall(step, "to_nhwc", ToNhwc(output, target), (source,), units=source.height, work=size)
