"""Operators that normalise: batch, layer, group, instance and local response normalization, softmax."""

from __future__ import annotations

import numpy as np

from ..building import RefusedError
from ..calls import Translating
from ..layout import Value, joined, laid_out
from .pointwise import scaled
from .registry import translates

__all__: list[str] = []


@translates("BatchNormalization")
def _batch_norm(call: Translating) -> Value:
    value = call.value()
    if call.integer("training_mode", 0) or not call.integer("spatial", 1) or len(value.dims) < 2:
        raise RefusedError("expected a batch normalization for inference, over channels, found one of another kind")
    gamma, beta, mean, variance = (call.constant(i).astype(np.float64).reshape(-1) for i in range(1, 5))
    if {len(array) for array in (gamma, beta, mean, variance)} != {value.dims[1]}:
        raise RefusedError(f"expected numbers for {value.dims[1]} channels, found {[len(gamma), len(beta), len(mean)]}")
    with np.errstate(all="ignore"):
        scale = gamma / np.sqrt(variance + call.number("epsilon", 1e-5))
        shift = beta - mean * scale
    if not np.isfinite([scale, shift]).all():
        raise RefusedError("expected statistics that give finite numbers, found others")
    shape = (-1, *(1,) * (len(value.dims) - 2))
    return scaled(call, value, scale.reshape(shape), shift.reshape(shape))


@translates("LRN")
def _lrn(call: Translating) -> Value:
    size = call.integer("size")
    if size % 2 == 0:
        raise RefusedError(f"expected an odd size, found {size}")
    value = call.value()
    source = call.image()
    fields = {"bias": call.number("bias", 1.0), "beta": call.number("beta", 0.75)}
    node = call.add("lrn", source, depth_radius=size // 2, alpha=call.number("alpha", 1e-4) / size, **fields)
    return laid_out(node, ([2], [3], [1]), value.dims)


@translates("Softmax", "LogSoftmax")
def _softmax(call: Translating) -> Value:
    value = call.value()
    rank = len(value.dims)
    axis = call.axis("axis", rank, 1 if call.opset < 13 else -1)
    axes = list(range(axis, rank)) if call.opset < 13 else [axis]
    op = "softmax" if call.operator.type == "Softmax" else "log_softmax"
    wide = [i for i, size in enumerate(value.dims) if size > 1]
    if set(wide) <= set(axes):  # of all numbers, in whatever order they lie
        source = value.node if len(value.shape) == 1 else call.add("flatten", value.node, part="flat")
        return Value(call.add(op, source), (value.size,), value.axes)
    if len(axes) > 1:
        source, order = call.with_last(value, [i for i in axes if i in wide])
        value = laid_out(source, order, value.dims)
    else:
        value = call.channels_last(value, axis)
    return Value(call.add(op, value.node), value.shape, value.axes)


@translates("LayerNormalization", "lcnn.layer_norm")
def _layer_norm(call: Translating) -> Value:
    value = call.value()
    rank = len(value.dims)
    axis = call.axis("axis", rank, -1)
    last = axis == rank - 1 or call.operator.type == "lcnn.layer_norm"
    if not last or len([name for name in call.operator.outputs if name]) > 1:
        raise RefusedError(f"expected a layer normalization over the last axis, found axis {axis} of {rank}")
    size = value.dims[axis]
    scale = call.maybe(1) if call.given(1) is not None else np.ones(size, np.float32)
    shift = call.maybe(2) if call.given(2) is not None else np.zeros(size, np.float32)
    value = call.channels_last(value, axis)
    tensors = {"scale": _each(scale, size), "shift": _each(shift, size)}
    node = call.add("layer_norm", value.node, tensors=tensors, epsilon=call.number("epsilon", 1e-5))
    return Value(node, value.shape, value.axes)


def _each(array: np.ndarray | None, size: int) -> np.ndarray:
    if array is None or array.size != size:
        raise RefusedError(
            f"expected {size} numbers of scale and shift, found {None if array is None else array.shape}"
        )
    return array.reshape(-1)


@translates("InstanceNormalization")
def _instance_norm(call: Translating) -> Value:
    """group_norm with a group for each of axis 1: the channels, or, after a Reshape, runs of them."""
    value = call.value()
    if len(value.dims) < 3 or value.dims[0] != 1:
        raise RefusedError(f"expected a map (1, C, ...), found {value.dims}")
    groups = value.dims[1]
    scale, shift = (_each(call.constant(i), groups) for i in (1, 2))
    channels = value.shape[-1]
    leading = joined([(groups, channels // groups)]) if channels % groups == 0 else None
    if len(value.shape) != 3 or value.axes[1] != leading:
        order = ([2], list(range(3, len(value.dims))), [1])
        value = laid_out(call.builder.arranged(value, order, call.name), order, value.dims)
        channels = groups
    tensors = {"scale": np.repeat(scale, channels // groups), "shift": np.repeat(shift, channels // groups)}
    fields = {"groups": groups, "epsilon": call.number("epsilon", 1e-5)}
    return Value(call.add("group_norm", value.node, tensors=tensors, **fields), value.shape, value.axes)


@translates("GroupNormalization")
def _group_norm(call: Translating) -> Value:
    value, groups = call.value(), call.integer("num_groups")
    source, channels = call.image(), call.value().dims[1]
    if groups < 1 or channels % groups:
        raise RefusedError(f"expected groups that divide {channels} channels, found {groups}")
    size = groups if call.opset < 21 else channels
    tensors = {
        key: np.repeat(_each(call.constant(i), size), channels // size) for key, i in (("scale", 1), ("shift", 2))
    }
    node = call.add("group_norm", source, tensors=tensors, groups=groups, epsilon=call.number("epsilon", 1e-5))
    return laid_out(node, ([2], [3], [1]), value.dims)
