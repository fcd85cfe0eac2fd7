"""The transposed convolution, as a convolution with the filters of every phase, blocks of pixels, and a crop.

With stride s, kernel K and dilation d along one axis, y[Y] is the sum over taps r of x[(Y - r*d) / s] * K[r], of those
that divide. So Y = Q*b + p of one phase p, b being s or a multiple of it, takes x[Q*b/s + (p - r*d)/s] * K[r]: a
convolution of stride b/s, whose filters are those of all phases, and whose channels are the pixels of blocks b*b.
"""

from __future__ import annotations

from math import lcm
from typing import Any, NamedTuple

import numpy as np

from lcnn_train.export.activations import own_activation
from lcnn_train.export.builder import GraphBuilder
from lcnn_train.export.weighted import array, channels_last, f32
from lcnn_train.keras_graph.graph import Call


class Axis(NamedTuple):
    """The convolution along one axis: its window, stride and padding, and what to crop of the blocks."""

    window: int
    stride: int
    padding: tuple[int, int]
    cropping: tuple[int, int]
    taps: tuple[tuple[int, int, int], ...]
    """(phase, tap of Keras' kernel, tap of the window)."""


def axis_of(size: int, kernel: int, stride: int, dilation: int, length: int, block: int, same: bool) -> Axis:
    """Lay out one axis of ``size`` pixels that become ``length``, in blocks of ``block``, a multiple of ``stride``.

    ``same``: of what the whole image makes, as much is cut off before as behind, the odd pixel behind.
    """
    whole = (size - 1) * stride + (kernel - 1) * dilation + 1
    before = max(0, whole - length) // 2 if same else 0
    pairs = [(phase, tap) for phase in range(block) for tap in range(kernel) if (phase - tap * dilation) % stride == 0]
    offsets = [(phase - tap * dilation) // stride for phase, tap in pairs]
    least, step = min(offsets), block // stride
    window = max(offsets) - least + 1
    skipped = min(before // block, -least // step)
    ahead, first = -least - skipped * step, before - skipped * block
    blocks = -(-(first + length) // block)
    behind = max(0, (blocks - 1) * step + window - size - ahead)
    made = ((size + ahead + behind - window) // step + 1) * block
    taps = tuple((phase, tap, offset - least) for (phase, tap), offset in zip(pairs, offsets, strict=True))
    return Axis(window, step, (ahead, behind), (first, made - first - length), taps)


def conv2d_transpose(builder: GraphBuilder, call: Call) -> None:
    """Add a conv2d, and where it is strided a depth_to_space, and a crop2d of what is too much."""
    layer: Any = call.layer
    channels_last(layer)
    kernel = array(layer.kernel)  # (kh, kw, n, m)
    block = lcm(*layer.strides)
    sizes = zip(call.input_shapes[0], kernel.shape, layer.strides, layer.dilation_rate, call.output_shape, strict=False)
    down, across = (axis_of(*numbers, block, layer.padding == "same") for numbers in sizes)
    places = _places(kernel.shape, block, down, across)
    cropping = (*down.cropping, *across.cropping)
    after = [step for step, there in (("depth_to_space", block > 1), ("crop2d", any(cropping))) if there]
    node = builder.add_from(
        call,
        builder.value(call),
        "conv2d",
        "_phases" if after else "",
        filters=places.shape[0],
        kernel_size=(down.window, across.window),
        strides=(down.stride, across.stride),
        padding=(*down.padding, *across.padding),
    )
    node.kernel, node.places = layer.kernel, places
    node.tensors = {"kernel": f32(np.where(places < 0, 0.0, kernel.reshape(-1)[places]))}
    if layer.bias is not None:
        node.tensors["bias"] = f32(np.tile(array(layer.bias), block**2))
    own_activation(node, call)
    if block > 1:
        suffix = "_pixels" if "crop2d" in after else ""
        node = builder.add_from(call, node.value, "depth_to_space", suffix, block_size=block)
    if any(cropping):
        builder.add_from(call, node.value, "crop2d", cropping=cropping)


def _places(shape: tuple[int, ...], block: int, down: Axis, across: Axis) -> np.ndarray:
    """Find which place of Keras' kernel (kh, kw, n, m) each weight of the phases' is, -1 for none.

    (b*b*n, m, window, window), filters in the order of depth_to_space's channels.
    """
    _, _, filters, channels = shape
    own = np.arange(np.prod(shape)).reshape(shape)
    places = np.full((block, block, filters, channels, down.window, across.window), -1, np.int64)
    for i, r, y in down.taps:
        for j, c, x in across.taps:
            places[i, j, :, :, y, x] = own[r, c]
    return places.reshape(block**2 * filters, channels, down.window, across.window)
