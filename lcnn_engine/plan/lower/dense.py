"""Lowering of dense layers: list the inputs that are not 0, then multiply the rows of W that they name."""

from __future__ import annotations

import numpy as np

from ..calls import KernelCall, StepKind
from ..fields import Dense, DenseInt8, Nonzeros, NonzerosInt8
from ..fusion import FusedNode
from ..layout import LINE, Layout, Value, round_up
from ..lowering import Lowering
from ..packing import Packing
from ..references import IsFp16, Place
from .quantize import filter_constants, range_of, weights_of

BYTES = LINE * 4  # of a cache line: int8 results that are read together


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
    if lowering.quantizes(lowering.graph[name]):
        _in_int8(lowering, name, kernel, bias, source, target, activation, alpha)
        return
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
        bias=lowering.constant(f"{name}/bias", bias, Packing.DENSE_BIAS, lanes=LINE),
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


def _in_int8(
    lowering: Lowering,
    name: str,
    kernel: np.ndarray,
    bias: np.ndarray,
    source: Place,
    target: Place,
    activation: str,
    alpha: float,
) -> None:
    units, length = kernel.shape
    ranged = range_of(lowering, name, lowering.graph[name].inputs[0])
    nonzeros = Place(lowering.buffer(1 + 2 * length))
    x = Value(Layout(1, 1, length), source.buffer).map()._replace(offset=source)
    step = lowering.step(name, "list nonzeros", StepKind.NONZEROS, "nonzeros int8")
    lowering.call(KernelCall(step, "nonzeros_int8", NonzerosInt8(nonzeros, length, *ranged), inputs=(x,), work=length))
    weights = weights_of(kernel)
    scales, sums = filter_constants(lowering, name, weights, Packing.DENSE_BIAS, BYTES)
    lanes, per_unit = round_up(units, BYTES), round_up(lowering.capabilities.dense_unit, BYTES)
    fields = DenseInt8(
        weights=lowering.constant(f"{name}/kernel", weights.integers, Packing.DENSE_INT8, lanes=BYTES),
        bias=lowering.constant(f"{name}/bias", bias, Packing.DENSE_BIAS, lanes=BYTES),
        scales=scales,
        sums=sums,
        range=ranged.place,
        list=nonzeros,
        length=length,
        lanes=lanes,
        units=units,
        per_unit=per_unit,
        target=target,
        activation=activation,
        alpha=alpha,
    )
    step = lowering.step(name, "matrix x vector", StepKind.DENSE, "dense int8", units * length)
    lowering.call(KernelCall(step, "dense_int8", fields, units=-(-lanes // per_unit), work=length * lanes))
