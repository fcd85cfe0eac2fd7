"""Lowering of every other operation: which kernel, with what geometry. One function per operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from math import prod

import numpy as np

from .. import graph as g
from ..kernels import ACTIVATION_CODES
from .bands import add_steps, pool_span, target_of
from .builder import Builder
from .fusion import Task
from .lookups import lower_as_lookups, lower_lookup_conv, lower_lookup_dense, matrix_times_vector
from .memory import LINE, Map, Value
from .packing import Lookups, balanced_lanes, pack_conv, tap_offsets

PASS_BYTES = 256 * 1024  # weights of one pass of a convolution: a share of the second-level cache
PIXELS_PER_UNIT = 120  # of a convolution: twenty register tiles


def _conv2d(builder: Builder, task: Task, pool: Task | None = None) -> None:
    node = task.node
    assert isinstance(node, g.Conv2D)
    kernel = builder.tensors[f"{node.name}/kernel"]
    own = node.filters // node.groups
    width = builder.program.width
    if node.groups > 1 and own <= width // 4:  # lanes would stay empty: let lanes be pixels
        lower_as_lookups(builder, task, node, Lookups.from_kernel(kernel, node.groups), pool)
        return
    source = builder.value(node.inputs[0])
    target = target_of(builder, task, pool)
    lanes = balanced_lanes(own, width, builder.program.conv_lanes)
    channels = kernel.shape[1]
    passes = -(-channels * kernel[0, 0].size * lanes * 4 // PASS_BYTES)
    pixels = min(target.most_rows * target.value.width, PIXELS_PER_UNIT)
    offsets = tap_offsets(-(-channels // passes), source.plane, node.kernel_size, node.dilation, source.row)

    @cache
    def packed() -> tuple[np.ndarray, np.ndarray]:
        return pack_conv(kernel, builder.tensor(node.name, "bias"), node.groups, lanes, builder.program.zeros)

    def add(out: Map, row: int) -> None:
        weights, bias = packed()
        at = source.map()
        builder.program.add_conv(
            at._replace(offset=at.offset + row * node.strides[0] * at.row),
            out,
            weights=weights,
            bias=bias,
            offsets=offsets,
            group_filters=own,
            strides=node.strides,
            padding=node.padding,
            pixels_per_unit=pixels,
            activation=ACTIVATION_CODES[task.activation],
            alpha=task.alpha,
        )

    places = prod(builder.shape(task.result)[:2])
    add_steps(
        builder, task, target, f"conv {lanes}", add, [source.buffer], places * kernel.size, (pixels + LINE) * lanes
    )


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
    "conv2d": _conv2d,
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
    "conv2d": _conv2d,
}
