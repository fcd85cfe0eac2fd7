"""Pools, global pools, and reductions, which are pools where they run over H and W."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..building import RefusedError
from ..calls import Translating
from ..layout import Value, image, laid_out, order_of, vector
from .pointwise import scaled
from .registry import translates
from .windows import Window, window_of

__all__: list[str] = []


@translates("MaxPool", "AveragePool")
def _pool(call: Translating) -> Value:
    source = call.image()
    shape = call.builder.shapes[source]
    window = window_of(call, call.integers("kernel_shape", length=2), shape)
    if call.integer("storage_order", 0) or len([name for name in call.operator.outputs if name]) > 1:
        raise RefusedError("expected the values of a MaxPool alone, found its indices asked for, too")
    op = "max_pool2d" if call.operator.type == "MaxPool" else "avg_pool2d"
    padding: tuple[int, ...] = window.padding
    if window.dilation != (1, 1):
        if call.integer("ceil_mode", 0):
            padding = _up_to_ceiling(window, shape, padding)
        dilated = _dilated_max if op == "max_pool2d" else _dilated_mean
        node = dilated(call, source, window, padding)
        return image(node, call.builder.shapes[node])
    if op == "avg_pool2d" and any(padding) and call.integer("count_include_pad", 0):
        source = call.add("zero_pad2d", source, part="padded", padding=padding)
        padding = (0, 0, 0, 0)
    if call.integer("ceil_mode", 0):
        padding = _up_to_ceiling(window, shape, padding)
    node = call.add(op, source, pool_size=window.size, strides=window.strides, padding=padding)
    return image(node, call.builder.shapes[node])


def _up_to_ceiling(window: Window, shape: tuple[int, ...], padding: tuple[int, ...]) -> tuple[int, ...]:
    """Pad behind as far as the last window reaches that begins inside of the image with its padding before."""
    result = list(padding)
    for axis in (0, 1):
        before, after = window.padding[2 * axis : 2 * axis + 2]
        size, stride = shape[axis], window.strides[axis]
        kernel = (window.size[axis] - 1) * window.dilation[axis] + 1
        count = -(-(size + before + after - kernel) // stride) + 1
        if (count - 1) * stride >= size + before:
            count -= 1
        result[2 * axis + 1] += max(0, (count - 1) * stride + kernel - (size + before + after))
    return tuple(result)


def _dilated_max(call: Translating, source: str, window: Window, padding: tuple[int, ...]) -> str:
    """A pool of each phase by itself: pixels that lie a dilation apart are neighbours in blocks of its size."""
    if any(padding):
        lowest = float(np.finfo(np.float32).min)  # never wins
        source = call.add("pad2d", source, part="padded", padding=padding, mode="constant", value=lowest)
    (down, across), (dh, dw) = window.size, window.dilation
    passes = [((down, across), dh)] if dh == dw else [((down, 1), dh), ((1, across), dw)]
    for number, (size, block) in enumerate(passes):
        height, width, _ = call.builder.shapes[source]
        behind = (-height % block, -width % block)
        if any(behind):
            source = call.add("zero_pad2d", source, part=f"whole{number}", padding=(0, behind[0], 0, behind[1]))
        if block > 1:
            source = call.add("space_to_depth", source, part=f"phases{number}", block_size=block)
        source = call.add("max_pool2d", source, part=f"max{number}", pool_size=size, strides=(1, 1))
        if block > 1:
            source = call.add("depth_to_space", source, part=f"joined{number}", block_size=block)
        kept = (height - (size[0] - 1) * block, width - (size[1] - 1) * block)
        cropping = tuple(n for have, wanted in zip(call.builder.shapes[source], kept, strict=False)
                         for n in (0, have - wanted))  # fmt: skip
        if any(cropping):
            source = call.add("crop2d", source, part=f"cropped{number}", cropping=cropping)
    return call.add("max_pool2d", source, pool_size=(1, 1), strides=window.strides)


def _dilated_mean(call: Translating, source: str, window: Window, padding: tuple[int, ...]) -> str:
    """A convolution by ones of each channel, divided by how many pixels there are in each window."""
    shape = call.builder.shapes[source]
    include = call.integer("count_include_pad", 0)
    down, across = (_counts(axis, shape[axis], window, bool(include)) for axis in (0, 1))
    ones = np.ones((shape[2], 1, *window.size), np.float32)
    total = call.add(
        "conv2d", source, part="sums", tensors={"kernel": ones}, filters=shape[2], kernel_size=window.size,
        strides=window.strides, padding=padding, dilation=window.dilation, groups=shape[2],
    )  # fmt: skip
    sums = image(total, call.builder.shapes[total])
    height, width = sums.shape[:2]
    counts = np.maximum(1, down[:height, None] * across[:width])
    return scaled(call, sums, 1.0 / counts, 0.0).node


def _counts(axis: int, size: int, window: Window, include: bool) -> np.ndarray:
    """Count the pixels along an axis in each of its windows; ``include``: those of the padding, too."""
    (before, after), stride, dilation = (
        window.padding[2 * axis : 2 * axis + 2],
        window.strides[axis],
        window.dilation[axis],
    )
    starts = np.arange(-before, size + after, stride)
    places = starts[:, None] + dilation * np.arange(window.size[axis])
    first, last = (-before, size + after) if include else (0, size)
    return ((places >= first) & (places < last)).sum(axis=1)


@translates("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(call: Translating) -> Value:
    value = call.value()
    if len(value.dims) == 4 and value.dims[2:] == (1, 1):
        return value
    op = "global_max_pool2d" if call.operator.type == "GlobalMaxPool" else "global_avg_pool2d"
    node = call.add(op, call.image())
    return vector(node, call.builder.shapes[node], after=2)


@translates("ReduceMean", "ReduceMax", "ReduceSum")
def _reduce(call: Translating) -> Value:
    value = call.value()
    rank = len(value.dims)
    axes = call.axes(1, rank)
    if axes is None or not axes:
        axes = [] if call.integer("noop_with_empty_axes", 0) else list(range(rank))
    kept = [axis for axis in range(rank) if axis not in axes]
    found = _reduced(call, value, [axis for axis in axes if value.dims[axis] > 1])
    if call.operator.type == "ReduceSum":
        count = np.float32(value.size / max(1, found.size))
        scale = {"scale": np.full(found.shape[-1], count), "shift": np.zeros(found.shape[-1], np.float32)}
        found = Value(call.add("batch_norm", found.node, tensors=scale), found.shape, found.axes)
    if call.integer("keepdims", 1):
        return found
    return Value(found.node, found.shape, tuple(found.axes[axis] for axis in kept))


def _reduced(call: Translating, value: Value, axes: list[int]) -> Value:
    """Reduce over axes of more than 1, which stay as such of 1."""
    kind: Any = "max" if call.operator.type == "ReduceMax" else "avg"
    part = "mean" if call.operator.type == "ReduceSum" else ""
    kept = [axis for axis, size in enumerate(value.dims) if size > 1 and axis not in axes]
    dims = tuple(1 if axis in axes else size for axis, size in enumerate(value.dims))
    if not axes:
        return value
    own = order_of(value)
    if own is not None and len(own) == 3 and own[2] == axes and kept:
        node = call.add("channel_max" if kind == "max" else "channel_mean", value.node, part=part)
        return laid_out(node, (own[0], own[1], []), dims)
    if own is not None and len(own) == 3 and axes in own[:2] and len(kept) == 2:
        down = axes == own[0]
        size = (value.shape[0], 1) if down else (1, value.shape[1])
        node = call.add(f"{kind}_pool2d", value.node, part=part, pool_size=size)
        return laid_out(node, own, dims)
    axes.sort(key=lambda axis: -max(stride for _, stride in value.axes[axis]))
    kept.sort(key=lambda axis: -max(stride for _, stride in value.axes[axis]))
    source = call.builder.arranged(value, (axes[:1], axes[1:], kept), call.name)
    node = call.add(f"global_{kind}_pool2d", source, part=part)
    return laid_out(node, (kept,), dims)
