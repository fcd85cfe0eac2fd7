"""Small networks, drawn by a seed, that call every kernel there is at many sizes: what the constants are fitted to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lcnn_engine.model.graph import Graph

from ..networks.builder import UNSTRUCTURED, NetBuilder, Structure, Tensors

SIZES = (7, 13, 14, 27, 28, 56)
CHANNELS = (3, 16, 32, 64, 128, 256)
FILTERS = (16, 32, 64, 96, 192, 256, 384)
MOST_MULTIPLICATIONS = 40e6
COSTLY = (
    "sigmoid", "tanh", "silu", "selu", "softplus", "softsign", "gelu", "gelu_tanh", "mish", "exponential",
    "sqrt", "log",
)  # fmt: skip
READER = "reader"  # a layer that is there to read the one to be timed
PRECISIONS = ("float32", "bfloat16", "int8")


@dataclass(frozen=True)
class Layer:
    """A network of one layer to be timed, in ``precision``; ``nonzero``: the share of its input that is not 0.

    ``memory``: also with weights that come from memory. ``blas``: whether there is one for S = D X.
    """

    graph: Graph
    tensors: Tensors
    precision: str
    nonzero: float = 1.0
    memory: bool = False
    blas: bool = True


def layers(seed: int, share: float = 1.0) -> Iterator[Layer]:
    """Draw all of them; ``share`` of the usual number, at least 10 of a kind."""
    rng = np.random.default_rng(seed)
    for draw, precisions, count in KINDS:
        for precision in precisions:
            for _ in range(max(10, round(share * count))):
                yield draw(rng, precision)
    yield from _one_of_each(rng)


def _pick(rng: np.random.Generator, choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _net(shape: tuple[int, int, int], rng: np.random.Generator, structure: Structure = UNSTRUCTURED) -> NetBuilder:
    return NetBuilder("layer", shape, seed=int(rng.integers(2**31)), structure=structure)


def _layer(net: NetBuilder, precision: str, **how: Any) -> Layer:
    """Finish a layer; every other one has a border of zeros around its result, for the one that reads it."""
    if len(net.shapes[net.last]) == 3 and net.shapes[net.last][0] > 1 and net.rng.random() < 0.6:
        net.lookup_conv(READER, 1, 3, 1, 1, atoms=None, density=0.001)
    return Layer(*net.finish(), precision, **how)


def _lookups(rng: np.random.Generator, precision: str, structure: Structure = UNSTRUCTURED, fewest: int = 2) -> Layer:
    """A lookup layer of an image, some with a large dictionary, some without one."""
    size, channels, filters = _pick(rng, SIZES), _pick(rng, CHANNELS), _pick(rng, FILTERS)
    kernel, stride = _pick(rng, (1, 3, 3, 5)), _pick(rng, (1, 1, 1, 2))
    atoms = (
        _pick(rng, (8, 30, 64, 128, 256, 500))
        if precision != "float32"
        else _pick(rng, (None, None, 4, 16, 30, 64, 128, 256, 500))
    )
    positions = (size // stride) ** 2
    lookups = min(MOST_MULTIPLICATIONS, 10 ** rng.uniform(5, 7.6)) / positions
    density = float(
        min(0.5, max(fewest / (kernel**2 * (atoms or channels)), lookups / (filters * kernel**2 * (atoms or channels))))
    )
    net = _net((size, size, channels), rng, structure)
    net.lookup_conv("layer", filters, kernel, stride, kernel // 2, atoms=atoms, density=density)
    return _layer(net, precision)


def _shared(rng: np.random.Generator, precision: str) -> Layer:
    return _lookups(rng, precision, Structure(16, 2 if precision == "bfloat16" else 1), fewest=12)


def _without_blas(rng: np.random.Generator, precision: str) -> Layer:
    return dataclasses.replace(_lookups(rng, precision), blas=False)


def _gathered(rng: np.random.Generator, precision: str) -> Layer:
    """A lookup layer whose result is one pixel."""
    size, channels, atoms = _pick(rng, (1, 4, 6)), _pick(rng, (128, 256, 512)), _pick(rng, (32, 128, 512, 1024))
    units = _pick(rng, (256, 1000, 1024, 4096))
    lookups = 10 ** rng.uniform(3, 5.5)
    net = _net((size, size, channels), rng)
    density = float(min(0.5, max(1 / (size**2 * atoms), lookups / (units * size**2 * atoms))))
    net.lookup_conv("layer", units, size, atoms=atoms, density=density)
    return _layer(net, precision)


def _conv(rng: np.random.Generator, precision: str) -> Layer:
    """A dense convolution."""
    size, channels, filters = _pick(rng, SIZES), _pick(rng, CHANNELS), _pick(rng, FILTERS)
    kernel, stride = _pick(rng, (1, 3, 3, 5)), _pick(rng, (1, 1, 2))
    while size**2 * channels * filters * kernel**2 / stride**2 > 4 * MOST_MULTIPLICATIONS:
        filters = max(16, filters // 2)
        channels = max(16, channels // 2)
    net = _net((size, size, channels), rng)
    net.conv("layer", filters, kernel, stride, kernel // 2)
    return _layer(net, precision)


def _pixel(rng: np.random.Generator, precision: str) -> Layer:
    """A dense convolution of one pixel, whose time is that of reading its weights."""
    net = _net((1, 1, _pick(rng, (128, 512, 1024, 2048, 4096))), rng)
    net.conv("layer", _pick(rng, (128, 512, 1024, 2048)), 1)
    return _layer(net, precision, memory=True)


def _first_conv(rng: np.random.Generator, precision: str) -> Layer:
    """A network's first convolution, or a cheap one of few channels."""
    size, channels = _pick(rng, (28, 56, 112, 160)), _pick(rng, (1, 3, 8, 16))
    kernel, stride = _pick(rng, (1, 3, 5, 7)), _pick(rng, (1, 2, 2, 3, 4))
    net = _net((size, size, channels), rng)
    net.conv("layer", _pick(rng, (16, 24, 32, 64)), kernel, stride, kernel // 2)
    return _layer(net, precision)


def _depthwise(rng: np.random.Generator, precision: str) -> Layer:
    size, channels, kernel = _pick(rng, (7, 14, 28, 56)), _pick(rng, (32, 96, 144, 240)), _pick(rng, (3, 5))
    net = _net((size, size, channels), rng)
    net.conv("layer", channels, kernel, _pick(rng, (1, 1, 2)), kernel // 2, groups=channels)
    return _layer(net, precision)


def _dense(rng: np.random.Generator, precision: str) -> Layer:
    """A dense layer, of numbers that float16 holds or does not, after relu or not."""
    length, units = _pick(rng, (64, 256, 512, 1024, 4096)), _pick(rng, (10, 100, 128, 512, 1000, 2048))
    net = _net((1, 1, length), rng)
    net.add("flatten", "flatten")
    net.dense("layer", units)
    if rng.random() < 0.5:
        net.round_to_fp16()
    return _layer(net, precision, nonzero=_pick(rng, (1.0, 0.5, 0.25)), memory=length * units >= 2**20)


def _pool(rng: np.random.Generator, precision: str) -> Layer:
    size, channels, window = _pick(rng, (8, *SIZES, 112)), _pick(rng, (16, 64, 192)), _pick(rng, (2, 3, 5))
    net = _net((size, size, channels), rng)
    stride, op = _pick(rng, (1, 2, 2, 3)), _pick(rng, ("max_pool2d", "max_pool2d", "avg_pool2d"))
    net.add(op, "layer", pool_size=(window, window), strides=(stride, stride), padding=(window // 2,) * 4)
    return _layer(net, precision)


KINDS: tuple[tuple[Callable[[np.random.Generator, str], Layer], tuple[str, ...], int], ...] = (
    (_lookups, ("float32",), 70),
    (_lookups, ("bfloat16", "int8"), 30),
    (_shared, ("float32", "bfloat16"), 35),
    (_without_blas, ("float32",), 25),
    (_gathered, ("float32",), 30),
    (_conv, PRECISIONS, 40),
    (_pixel, PRECISIONS, 12),
    (_first_conv, ("float32",), 40),
    (_first_conv, ("bfloat16", "int8"), 10),
    (_depthwise, ("float32",), 15),
    (_dense, PRECISIONS, 30),
    (_pool, ("float32",), 40),
)
"""What is drawn, in which precisions, how often."""


def _one_of_each(rng: np.random.Generator) -> Iterator[Layer]:
    """Draw what takes little time in any network, at a few sizes each."""
    for shape in ((7, 7, 64), (14, 14, 128), (28, 28, 16), (28, 28, 96), (56, 56, 32), (56, 56, 96), (1, 1, 1024)):
        for op, attributes in SIMPLE:
            yield _simple(rng, shape, op, attributes)
        for op in ("add", "multiply", "subtract", "divide", "maximum", "minimum"):
            yield _combined(rng, shape, op, False)
            yield _combined(rng, shape, op, True)
        yield _constant(rng, shape)


def _simple(rng: np.random.Generator, shape: tuple[int, int, int], op: str, attributes: dict[str, Any]) -> Layer:
    net, channels = _net(shape, rng), shape[-1]
    if op in ("softmax", "log_softmax") and shape[0] == 1:
        net.add("flatten", "flatten")
    if op == "pad2d" and shape[0] < 3:
        attributes = {**attributes, "mode": "edge"}
    given = {name: rng.uniform(0.5, 1.0, channels).astype(np.float32) for name in TENSORS.get(op, ())}
    net.add(op, "layer", tensors=given, **{k: v(shape) if callable(v) else v for k, v in attributes.items()})
    return _layer(net, "float32")


def _constant(rng: np.random.Generator, shape: tuple[int, int, int]) -> Layer:
    net = _net(shape, rng)
    net.add("constant", "layer", shape=shape, tensors={"value": rng.random(shape, dtype=np.float32)})
    net.add("add", "sum", "layer", "image")
    return _layer(net, "float32")


def _combined(rng: np.random.Generator, shape: tuple[int, int, int], op: str, turned: bool) -> Layer:
    """Combine two inputs, the smaller first where ``turned``."""
    net = _net(shape, rng)
    net.add("activation", "source", activation="exponential")
    small = net.add("global_avg_pool2d", "mean", "source") if turned else "image"
    net.add("activation", "other", small, activation="exponential")
    net.add(op, "layer", *(("other", "source") if turned else ("source", "other")))
    return _layer(net, "float32")


TENSORS = {"batch_norm": ("scale", "shift"), "layer_norm": ("scale", "shift"), "group_norm": ("scale", "shift"),
           "prelu": ("slope",)}  # fmt: skip
SIMPLE: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("activation", {"activation": name}) for name in ("relu", *COSTLY)),
    ("activation", {"activation": "elu", "alpha": 1.0}),
    ("batch_norm", {}),
    ("prelu", {}),
    ("global_avg_pool2d", {}),
    ("global_max_pool2d", {}),
    ("layer_norm", {"epsilon": 1e-3}),
    ("group_norm", {"groups": 8, "epsilon": 1e-3}),
    ("channel_max", {}),
    ("channel_mean", {}),
    ("softmax", {}),
    ("log_softmax", {}),
    ("lrn", {"depth_radius": 2, "bias": 1.0, "alpha": 1e-4, "beta": 0.75}),
    ("lrn", {"depth_radius": 5, "bias": 1.0, "alpha": 1e-4, "beta": 0.75}),
    ("flatten", {}),
    ("zero_pad2d", {"padding": (1, 1, 1, 1)}),
    ("pad2d", {"padding": (2, 2, 2, 2), "mode": "reflect"}),
    ("permute", {"axes": (1, 0, 2)}),
    ("resize2d", {"size": lambda shape: (2 * shape[0], 2 * shape[1]), "method": "nearest"}),
    ("resize2d", {"size": lambda shape: (2 * shape[0], 2 * shape[1]), "method": "bilinear"}),
    ("resize2d", {"size": lambda shape: (2 * shape[0], shape[1]), "method": "bicubic"}),
    ("reshape", {"shape": lambda shape: (shape[1], shape[0], shape[2])}),
)
