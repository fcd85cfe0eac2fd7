"""Lowering of pools, over windows and over whole maps."""

from __future__ import annotations

from ...model.graph import AvgPool2D, GlobalAvgPool2D, Pool2D
from ..calls import KernelCall, StepKind
from ..fields import NoFields, Pool
from ..fusion import FusedNode
from ..layout import Border
from ..lowering import Lowering
from ..references import Map


def lower_pool(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a max or mean pool over windows."""
    node = fused.node
    assert isinstance(node, Pool2D)
    source, out = lowering.value(node.inputs[0]), lowering.new_value(fused.result)
    step = lowering.step(node.name, node.op, StepKind.POOL, "pool")
    lowering.call(pool_call(step, node, source.map(), out.map(), node.padding))


def lower_global_pool(lowering: Lowering, fused: FusedNode) -> None:
    """Lower the max or mean of every channel."""
    node = fused.node
    source, out = lowering.value(node.inputs[0]).map(), lowering.new_value(fused.result).map()
    kernel = "global_avg" if isinstance(node, GlobalAvgPool2D) else "global_max"
    step = lowering.step(node.name, node.op, StepKind.GLOBAL_POOL, "global pool")
    work = source.channels * source.height * source.width
    lowering.call(KernelCall(step, kernel, NoFields(), (source,), out, units=source.channels, work=work))


def pool_call(step: int, node: Pool2D, source: Map, out: Map, padding: Border) -> KernelCall:
    """Make a call that pools ``source``, a map or a band of its rows with ``padding`` of its own, into ``out``."""
    span = pool_span(node, source.width)
    top, _, left, _ = padding
    fields = Pool(*node.pool_size, *node.strides, top, left, span)
    return KernelCall(
        step,
        "avg_pool" if isinstance(node, AvgPool2D) else "max_pool",
        fields,
        (source,),
        out,
        units=out.channels,
        work=source.channels * source.height * source.width,
        scratch=span + out.width,
    )


def pool_span(pool: Pool2D, width: int) -> int:
    """Count the columns that hold a padded row of ``width`` and all windows on it."""
    windows = (width + pool.padding[2] + pool.padding[3] - pool.pool_size[1]) // pool.strides[1] + 1
    return max((windows - 1) * pool.strides[1] + pool.pool_size[1], pool.padding[2] + width)
