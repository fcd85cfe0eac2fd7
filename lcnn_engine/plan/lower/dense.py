"""Lowering of dense layers: list the inputs that are not 0, then multiply the rows of W that they name."""

from __future__ import annotations

import numpy as np

from ..calls import Dense, IsFp16, KernelCall, Nonzeros, Place, StepKind
from ..fusion import FusedNode
from ..layout import LINE, Layout, Value, round_up
from ..lowering import Lowering
from ..packing import Packing


def lower_dense(lowering: Lowering, fused: FusedNode) -> None:
    """Lower a dense layer with its activation."""
    node = fused.node
    source, out = lowering.value(node.inputs[0]), lowering.new_value(fused.result)
    kernel = lowering.tensors[f"{node.name}/kernel"]
    bias = lowering.bias(node.name, len(kernel))
    matrix_times_vector(
        lowering, node.name, kernel, bias, Place(source.buffer), Place(out.buffer), fused.activation, fused.alpha
    )


def matrix_times_vector(
    lowering: Lowering,
    name: str,
    kernel: np.ndarray,
    bias: np.ndarray,
    source: Place,
    target: Place,
    activation: str = "linear",
    alpha: float = 0.0,
) -> None:
    """Compute target = activation(bias + kernel x) for node ``name``: ``kernel`` (units, length), x at ``source``."""
    units, length = kernel.shape
    nonzeros = Place(lowering.buffer(1 + 2 * length))
    x = Value(Layout(1, 1, length), source.buffer).map()._replace(offset=source)
    step = lowering.step(name, "list nonzeros", StepKind.NONZEROS, "nonzeros")
    lowering.call(KernelCall(step, "nonzeros", Nonzeros(nonzeros, length), inputs=(x,), work=length))
    rounded = lowering.rounds(lowering.graph[name])
    weights = lowering.constant(f"{name}/kernel", kernel, Packing.DENSE_BF16 if rounded else Packing.DENSE)
    lanes = round_up(units, LINE)
    fields = Dense(
        weights=weights,
        bias=lowering.constant(f"{name}/bias", bias, Packing.DENSE_BIAS),
        fp16=IsFp16(weights.number),
        list=nonzeros,
        length=length,
        lanes=lanes,
        units=units,
        target=target,
        activation=activation,
        alpha=alpha,
    )
    called = "dense_bf16" if rounded else "dense"
    step = lowering.step(name, "matrix x vector", StepKind.DENSE, called.replace("_", " "), units * length)
    pieces = -(-lanes // lowering.capabilities.dense_unit)
    lowering.call(KernelCall(step, called, fields, units=pieces, work=length * lanes))
