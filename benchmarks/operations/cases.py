"""The operations to compare, at the shapes of AlexNet and ResNet-18 at 224x224.

Two ways to isolate an operation:

``chain``   the operation 1 + N times in a row. Ours: mean of the last N steps. ONNX Runtime: the wall time of the whole
            graph less that of the graph with one copy, over N. Nothing else is in either number.
``single``  for operations that change the shape: the operation once, after a 1x1 convolution where a network would have
            one (so that ONNX Runtime is in its blocked layout, as it would be); pools after convolution and relu, as in
            both networks: a pass between would bring their input back into its caches. Ours: its step. ONNX
            Runtime: its profiler's time, less the profiler's own cost, which every round measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from lcnn_engine.model.activations import ACTIVATION_FUNCTIONS, ACTIVATIONS
from lcnn_engine.model.graph import Graph

from ..networks.builder import NetBuilder, Tensors

Shape = tuple[int, int, int]
Layer = Callable[[NetBuilder, str], str]

UNTIMED = ("linear", "mish")
"""Nothing to do, and one that ONNX Runtime takes apart into kernels that do not bear their node's name."""


@dataclass(frozen=True)
class Case:
    """One operation at one shape. ``copies`` is N of a chain, 0 for a single."""

    group: str
    title: str
    shape: Shape
    layer: Layer
    copies: int = 0
    prelude: bool = True
    after: str = "tanh"  # the prelude's activation: nothing folds into a convolution through this one
    zeros: float = 0.0  # share of the input that is zero
    theirs: tuple[str, ...] = ()  # more kernels of ONNX Runtime that belong to the operation

    def build(self, copies: int) -> tuple[Graph, Tensors]:
        """Make the graph with ``copies`` of the operation, named ``op0``, ``op1``, ..."""
        net = NetBuilder(self.title, self.shape)
        if self.prelude:
            net.conv("prelude", self.shape[2], 1, activation=self.after)
        elif self.shape[:2] == (1, 1):
            net.add("flatten", "vector")
        for number in range(copies):
            self.layer(net, f"op{number}")
        return net.finish()

    def image(self) -> np.ndarray:
        """Make an input, standard normal but for its zeros."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal(self.shape, dtype=np.float32)
        return np.where(rng.random(self.shape) < self.zeros, np.float32(0), x)


def _conv(title: str, shape: Shape, filters: int, kernel: int, stride: int, padding: int, copies: int = 0) -> Case:
    def layer(net: NetBuilder, name: str) -> str:
        return net.conv(name, filters, kernel, stride, padding)

    return Case("conv2d", f"{title} {shape[0]}x{shape[1]}x{shape[2]} -> {filters}", shape, layer, copies, shape[2] > 3)


def convolutions() -> Iterator[Case]:
    yield _conv("11x11 s4", (224, 224, 3), 64, 11, 4, 2)
    yield _conv("11x11 s4", (224, 224, 3), 96, 11, 4, 2)
    yield _conv("7x7 s2", (224, 224, 3), 64, 7, 2, 3)
    yield _conv("5x5", (27, 27, 64), 192, 5, 1, 2)
    yield _conv("3x3", (13, 13, 192), 384, 3, 1, 1)
    yield _conv("3x3", (13, 13, 384), 256, 3, 1, 1)
    yield _conv("3x3", (13, 13, 256), 256, 3, 1, 1, copies=4)
    yield _conv("6x6 (fc6)", (6, 6, 256), 4096, 6, 1, 0)
    yield _conv("3x3", (56, 56, 64), 64, 3, 1, 1, copies=4)
    yield _conv("3x3", (28, 28, 128), 128, 3, 1, 1, copies=4)
    yield _conv("3x3", (14, 14, 256), 256, 3, 1, 1, copies=4)
    yield _conv("3x3", (7, 7, 512), 512, 3, 1, 1, copies=4)
    for size, channels in ((56, 64), (28, 128), (14, 256)):
        yield _conv("3x3 s2", (size, size, channels), 2 * channels, 3, 2, 1)
        yield _conv("1x1 s2", (size, size, channels), 2 * channels, 1, 2, 0)


def dense_layers() -> Iterator[Case]:
    for title, length, units in (
        ("fc6", 9216, 4096),
        ("fc7", 4096, 4096),
        ("fc8", 4096, 1000),
        ("ResNet fc", 512, 1000),
    ):
        for zeros in (0.0, 0.7):

            def layer(net: NetBuilder, name: str, units: int = units) -> str:
                return net.dense(name, units)

            name = f"{title} {length} -> {units}, {zeros:.0%} zeros"
            yield Case("dense", name, (1, 1, length), layer, prelude=False, zeros=zeros)


def _op(group: str, shape: Shape, copies: int = 0, note: str = "", **attributes: object) -> Case:
    title = " ".join(filter(None, (note, "x".join(map(str, shape)))))
    return Case(group, title, shape, lambda net, name: net.add(group, name, **attributes), copies)


def pools() -> Iterator[Case]:
    def pool(op: str, shape: Shape, size: int, stride: int, padding: int = 0) -> Case:
        note = f"{size}x{size} s{stride}" + (f" p{padding}" if padding else "")
        window = {"pool_size": (size, size), "strides": (stride, stride), "padding": (padding,) * 4}
        return replace(_op(op, shape, note=note, **window), after="relu")  # as in both networks

    yield pool("max_pool2d", (55, 55, 64), 3, 2)
    yield pool("max_pool2d", (27, 27, 192), 3, 2)
    yield pool("max_pool2d", (13, 13, 256), 3, 2)
    yield pool("max_pool2d", (112, 112, 64), 3, 2, 1)
    yield pool("max_pool2d", (56, 56, 64), 2, 2)
    yield pool("avg_pool2d", (55, 55, 64), 3, 2)
    yield pool("avg_pool2d", (56, 56, 64), 2, 2)
    yield pool("avg_pool2d", (14, 14, 256), 3, 1, 1)
    yield _op("global_avg_pool2d", (7, 7, 512))
    yield _op("global_avg_pool2d", (13, 13, 256))
    yield _op("global_max_pool2d", (7, 7, 512))


def pointwise() -> Iterator[Case]:
    def norm(net: NetBuilder, name: str) -> str:
        channels = net.shapes[net.last][-1]
        tensors = {"scale": np.full(channels, 0.9, np.float32), "shift": np.full(channels, 0.1, np.float32)}
        return net.add("batch_norm", name, tensors=tensors)

    for shape in ((56, 56, 64), (14, 14, 256)):
        yield Case("batch_norm", f"{shape[0]}x{shape[1]}x{shape[2]}", shape, norm, copies=8)

    def slopes(net: NetBuilder, name: str) -> str:
        return net.add("prelu", name, tensors={"slope": np.full(net.shapes[net.last][-1], 0.2, np.float32)})

    yield Case("prelu", "56x56x64", (56, 56, 64), slopes, copies=8)
    for activation in (name for name in ACTIVATIONS if name not in UNTIMED):
        alpha = 0.1 if ACTIVATION_FUNCTIONS[activation].takes_alpha else None
        for shape in ((56, 56, 64), (14, 14, 256)):
            yield replace(
                _op("activation", shape, 8, activation, activation=activation, alpha=alpha),
                after="sigmoid" if activation in ("sqrt", "log") else "tanh",
            )


def combinations() -> Iterator[Case]:
    def with_prelude(op: str, **attributes: object) -> Layer:
        return lambda net, name: net.add(op, name, net.last, "prelude", **attributes)

    for shape in ((56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512)):
        title = "x".join(map(str, shape))
        yield Case("add", f"+ relu {title}", shape, with_prelude("add", activation="relu"), copies=8)
    yield Case("add", "56x56x64", (56, 56, 64), with_prelude("add"), copies=8)
    for shape in ((56, 56, 64), (14, 14, 256)):
        yield Case("multiply", "x".join(map(str, shape)), shape, with_prelude("multiply"), copies=8)

    def by_channel(net: NetBuilder, name: str) -> str:
        last = net.last
        if "means" not in net.shapes:
            net.add("global_avg_pool2d", "means")
        return net.add("multiply", name, last, "means")

    yield Case("multiply", "by (C,) 28x28x128", (28, 28, 128), by_channel, copies=8)
    for op in ("subtract", "maximum", "minimum"):
        yield Case(op, "56x56x64", (56, 56, 64), with_prelude(op), copies=8)
    yield replace(Case("divide", "56x56x64", (56, 56, 64), with_prelude("divide"), copies=8), after="sigmoid")

    def held(net: NetBuilder, name: str) -> str:
        last, shape = net.last, (28, 28, 128)
        net.add("constant", name, tensors={"value": np.ones(shape, np.float32)}, shape=shape)
        return net.add("multiply", f"{name}.product", last, name)

    yield Case("constant", "28x28x128, multiplied by", (28, 28, 128), held)


def the_rest() -> Iterator[Case]:
    attributes = {"depth_radius": 2, "bias": 2.0, "alpha": 1e-4, "beta": 0.75}
    yield _op("lrn", (55, 55, 64), 2, "radius 2", **attributes)
    yield _op("lrn", (27, 27, 192), 2, "radius 2", **attributes)

    def norm(op: str, **attributes: object) -> Layer:
        def layer(net: NetBuilder, name: str) -> str:
            channels = net.shapes[net.last][-1]
            tensors = {"scale": np.full(channels, 0.9, np.float32), "shift": np.full(channels, 0.1, np.float32)}
            return net.add(op, name, tensors=tensors, **attributes)

        return layer

    yield Case("layer_norm", "56x56x96", (56, 56, 96), norm("layer_norm", epsilon=1e-6), 4)
    yield Case("layer_norm", "14x14x384", (14, 14, 384), norm("layer_norm", epsilon=1e-6), 4)
    yield Case("group_norm", "8 groups 28x28x128", (28, 28, 128), norm("group_norm", epsilon=1e-3, groups=8), 4)
    yield _op("channel_max", (28, 28, 128))
    yield _op("channel_mean", (28, 28, 128))
    yield Case("log_softmax", "1000", (1, 1, 1000), lambda net, name: net.add("log_softmax", name), 16, prelude=False)
    yield Case("softmax", "1000", (1, 1, 1000), lambda net, name: net.add("softmax", name), 16, prelude=False)

    def concat(net: NetBuilder, name: str) -> str:
        other = net.conv("other", net.shapes["prelude"][-1], 1, source="image")
        return net.add("concat", name, "prelude", other)

    yield Case("concat", "28x28x64 twice", (28, 28, 64), concat)
    yield Case("concat", "13x13x192 twice", (13, 13, 192), concat)
    for shape in ((6, 6, 256), (7, 7, 512)):
        title = "x".join(map(str, shape))
        flatten = lambda net, name: net.add("flatten", name)  # noqa: E731
        yield Case("flatten", title, shape, flatten, theirs=("ReorderOutput", "op0.nhwc"))
    yield _op("zero_pad2d", (56, 56, 64), note="1", padding=(1, 1, 1, 1))
    yield _op("zero_pad2d", (27, 27, 64), note="2", padding=(2, 2, 2, 2))


def moves() -> Iterator[Case]:
    """Operations that move values, and resizing, at the shapes of networks that have them."""
    shape = (28, 28, 128)
    for mode in ("constant", "reflect"):
        yield _op("pad2d", (56, 56, 64), note=mode, padding=(1, 1, 1, 1), mode=mode)
    yield _op("crop2d", (56, 56, 64), cropping=(1, 0, 1, 0))
    for method in ("nearest", "bilinear", "bicubic"):
        yield _op("resize2d", shape, note=f"2x {method}", size=(56, 56), method=method)
    yield _op("depth_to_space", shape, note="2", block_size=2)
    yield _op("space_to_depth", (56, 56, 32), note="2", block_size=2)
    yield _op("permute", shape, note="(1, 0, 2)", axes=(1, 0, 2))
    reshape = lambda net, name: net.add("reshape", name, shape=(14, 56, 128))  # noqa: E731
    yield Case("reshape", "28x28x128 -> 14x56x128", shape, reshape)

    def shuffle(net: NetBuilder, name: str) -> str:
        indices = np.arange(shape[-1], dtype=np.int32).reshape(4, -1).T.reshape(-1)
        return net.add("take_channels", name, tensors={"indices": indices}, channels=shape[-1])

    yield Case("take_channels", "shuffle of 4 groups 28x28x128", shape, shuffle)


def all_cases() -> list[Case]:
    """Return cases of every operation of the format but lookups."""
    sources = (convolutions, dense_layers, pools, pointwise, combinations, the_rest, moves)
    return [case for source in sources for case in source()]
