"""Lowering of every other operation: which kernel, with what geometry. One function per operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..kernels import ACTIVATION_CODES
from ..model import graph as g
from .bands import pool_span
from .builder import Builder
from .convolutions import lower_conv
from .fusion import Task
from .lookups import lower_lookup_conv, lower_lookup_dense, matrix_times_vector
from .memory import Map, Value


def _dense(builder: Builder, task: Task) -> None:
    node = task.node
    source = builder.value(node.inputs[0])
    out = builder.new_value(task.result)
    kernel, bias = builder.tensors[f"{node.name}/kernel"], builder.tensor(node.name, "bias")
    matrix_times_vector(builder, node.name, kernel, bias, (source.buffer, 0), out.buffer, task.activation, task.alpha)


def _pool(builder: Builder, task: Task) -> None:
    node = task.node
    assert isinstance(node, g.Pool2D)
    source, out = builder.value(node.inputs[0]), builder.new_value(task.result)
    span = pool_span(node, source.width)

    def add() -> None:
        builder.program.add_pool(
            source.map(),
            out.map(),
            mean=isinstance(node, g.AvgPool2D),
            size=node.pool_size,
            strides=node.strides,
            padding=node.padding,
            span=span,
        )

    builder.step(node.name, node.op, "pool", add, [source.buffer, out.buffer], scratch=span + out.width)


def _global_pool(builder: Builder, task: Task) -> None:
    source, out = builder.value(task.node.inputs[0]), builder.new_value(task.result)
    mean = isinstance(task.node, g.GlobalAvgPool2D)

    def add() -> None:
        builder.program.add_global_pool(source.map(), out.map(), mean=mean)

    builder.step(task.node.name, task.node.op, "global pool", add, [source.buffer, out.buffer])


def _pointwise(builder: Builder, task: Task) -> None:
    """Activation and batch norm."""
    name = task.node.name
    source, out = builder.value(task.node.inputs[0]), builder.new_value(task.result)
    out.write_over(source)
    scale, shift = builder.tensor(name, "scale"), builder.tensor(name, "shift")

    def add() -> None:
        builder.program.add_pointwise(
            source.map(),
            out.map(),
            scale=scale,
            shift=shift,
            activation=ACTIVATION_CODES[task.activation],
            alpha=task.alpha,
        )

    multiplications = 0 if scale is None else out.height * out.width * out.channels
    builder.step(name, task.node.op, "pointwise", add, [source.buffer, out.buffer], multiplications)


def _copy(builder: Builder, task: Task, source: Value, target: Callable[[], Map], out: Value) -> None:
    def add() -> None:
        builder.program.add_pointwise(source.map(), target(), scale=None, shift=None, activation=0, alpha=0.0)

    builder.step(task.node.name, task.node.op, "pointwise", add, [source.buffer, out.buffer])


def _zero_pad2d(builder: Builder, task: Task) -> None:
    node = task.node
    assert isinstance(node, g.ZeroPad2D)
    source, out = builder.value(node.inputs[0]), builder.new_value(task.result)
    top, bottom, left, right = node.padding

    def target() -> Map:
        whole = out.map()
        return whole._replace(
            offset=whole.offset + top * whole.row + left,
            height=source.height,
            width=source.width,
            top=whole.top + top,
            bottom=whole.bottom + bottom,
            left=whole.left + left,
            right=whole.right + right,
        )

    _copy(builder, task, source, target, out)


def _concat(builder: Builder, task: Task) -> None:
    sources = [builder.value(name) for name in task.node.inputs]
    out = builder.new_value(task.result)
    first = 0
    for source in sources:
        _copy(builder, task, source, partial(out.map, first, source.channels), out)
        first += source.channels


def _combine(builder: Builder, task: Task) -> None:
    """Add and multiply: the inputs one after the other, the activation with the last."""
    node = task.node
    sources = sorted((builder.value(name) for name in node.inputs), key=lambda v: -v.height * v.width)
    out = builder.new_value(task.result)
    out.write_over(*sources[:2])
    left = sources[0]
    for number, right in enumerate(sources[1:], start=2):
        activation, alpha = (task.activation, task.alpha) if number == len(sources) else ("linear", 0.0)

        def add(a: Value = left, b: Value = right, activation: str = activation, alpha: float = alpha) -> None:
            builder.program.add_combine(
                a.map(),
                b.map(),
                out.map(),
                product=isinstance(node, g.Multiply),
                activation=ACTIVATION_CODES[activation],
                alpha=alpha,
            )

        count = out.height * out.width * out.channels if isinstance(node, g.Multiply) else 0
        builder.step(node.name, node.op, "combine", add, [left.buffer, right.buffer, out.buffer], count)
        left = out


def _flatten(builder: Builder, task: Task) -> None:
    source = builder.value(task.node.inputs[0])
    if source.plane == 1:  # one pixel without a border is a vector already
        builder.values[task.result] = source
        return
    out = builder.new_value(task.result)

    def add() -> None:
        builder.program.add_emit(source.map(), target=out.buffer.offset)

    builder.step(task.node.name, task.node.op, "emit", add, [source.buffer, out.buffer])


def _softmax(builder: Builder, task: Task) -> None:
    source, out = builder.value(task.node.inputs[0]), builder.new_value(task.result)

    def add() -> None:
        builder.program.add_softmax(source.map(), out.map())

    scratch = out.channels + builder.program.width
    builder.step(task.node.name, task.node.op, "softmax", add, [source.buffer, out.buffer], scratch=scratch)


def _lrn(builder: Builder, task: Task) -> None:
    node = task.node
    assert isinstance(node, g.LRN)
    source, out = builder.value(node.inputs[0]), builder.new_value(task.result)

    def add() -> None:
        builder.program.add_lrn(
            source.map(), out.map(), radius=node.depth_radius, bias=node.bias, alpha=node.alpha, beta=node.beta
        )

    builder.step(node.name, node.op, "lrn", add, [source.buffer, out.buffer], scratch=3 * out.width)


LOWERINGS: dict[str, Callable[[Builder, Task], None]] = {
    "lookup_conv2d": lower_lookup_conv,
    "lookup_dense": lower_lookup_dense,
    "conv2d": lower_conv,
    "dense": _dense,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "zero_pad2d": _zero_pad2d,
    "global_avg_pool2d": _global_pool,
    "global_max_pool2d": _global_pool,
    "flatten": _flatten,
    "softmax": _softmax,
    "activation": _pointwise,
    "add": _combine,
    "multiply": _combine,
    "concat": _concat,
    "batch_norm": _pointwise,
    "lrn": _lrn,
}

BEFORE_POOLS: dict[str, Callable[[Builder, Task, Task], None]] = {
    "lookup_conv2d": lower_lookup_conv,
    "conv2d": lower_conv,
}
