"""EfficientNet-Lite0 and MobileNetV2 at 224x224, dense, batch norm folded, with random weights.

Both are made of the same block: 1x1 to more channels, a depthwise convolution, 1x1 to fewer, and a sum where the shape
stays. Windows of stride 2 lie as TensorFlow and Keras lay them: the odd pixel of padding is below and to the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lcnn_engine.model import graph as g

from .builder import NetBuilder, Tensors

IMAGE = (224, 224, 3)
CLASSES = 1000
STEM, HEAD = 32, 1280  # filters of the first and of the last convolution


class Row(NamedTuple):
    """Blocks one after the other, of which only the first has the ``stride``."""

    kernel: int
    stride: int
    expansion: int
    filters: int
    repeats: int


EFFICIENTNET_LITE0 = (
    Row(3, 1, 1, 16, 1), Row(3, 2, 6, 24, 2), Row(5, 2, 6, 40, 2), Row(3, 2, 6, 80, 3), Row(5, 1, 6, 112, 3),
    Row(5, 2, 6, 192, 4), Row(3, 1, 6, 320, 1),
)  # fmt: skip
MOBILENET_V2 = (
    Row(3, 1, 1, 16, 1), Row(3, 2, 6, 24, 2), Row(3, 2, 6, 32, 3), Row(3, 2, 6, 64, 4), Row(3, 1, 6, 96, 3),
    Row(3, 2, 6, 160, 3), Row(3, 1, 6, 320, 1),
)  # fmt: skip


def efficientnet_lite0() -> tuple[g.Graph, Tensors]:
    """Make EfficientNet-Lite0: 4.65 million weights, 385 million multiplications."""
    return _of_rows("efficientnet-lite0", EFFICIENTNET_LITE0)


def mobilenet_v2() -> tuple[g.Graph, Tensors]:
    """Make MobileNetV2 of width 1: 3.5 million weights, 301 million multiplications."""
    return _of_rows("mobilenet-v2", MOBILENET_V2)


def same(kernel: int, stride: int) -> tuple[int, int, int, int]:
    """Return the padding (top, bottom, left, right) that gives every ``stride``-th pixel of an even size a result."""
    before, after = (kernel - stride) // 2, kernel - stride - (kernel - stride) // 2
    return before, after, before, after


def _of_rows(name: str, rows: Sequence[Row]) -> tuple[g.Graph, Tensors]:
    net = NetBuilder(name, IMAGE)
    net.conv("stem", STEM, 3, 2, same(3, 2), activation="relu6")
    blocks = ((row, row.stride if not repeat else 1) for row in rows for repeat in range(row.repeats))
    for number, (row, stride) in enumerate(blocks, 1):
        _block(net, f"block{number}", row, stride)
    net.conv("head", HEAD, 1, activation="relu6")
    net.add("global_avg_pool2d", "features")
    net.dense("logits", CLASSES)
    net.add("softmax", "probabilities")
    return net.finish()


def _block(net: NetBuilder, name: str, row: Row, stride: int) -> None:
    """Append a block. What it adds is weak, so that sums do not grow from block to block."""
    source, channels = net.last, net.shapes[net.last][-1]
    if row.expansion > 1:
        net.conv(f"{name}.expand", row.expansion * channels, 1, activation="relu6")
    inner = net.shapes[net.last][-1]
    net.conv(f"{name}.depthwise", inner, row.kernel, stride, same(row.kernel, stride), activation="relu6", groups=inner)
    adds = stride == 1 and channels == row.filters
    net.conv(f"{name}.project", row.filters, 1, activation="linear", gain=0.5 if adds else 1.0)
    if adds:
        net.add("add", f"{name}.sum", net.last, source)
