"""A small network for every operation of the format: ``CASES``, by name, which begins with the operation's; and how
close to the reference other programs must compute them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.networks.builder import NetBuilder
from lcnn_engine.model import graph as g

Step = Callable[[NetBuilder], object]


def _vector(net: NetBuilder) -> None:
    net.add("global_avg_pool2d", "vector")


def _uneven(net: NetBuilder, op: str, name: str, **attributes: object) -> None:
    """A convolution whose padding, strides and dilation differ from side to side."""
    window = {"kernel_size": (3, 2), "strides": (2, 1), "padding": (1, 0, 2, 3), "dilation": (2, 1)}
    if op == "conv2d":
        tensors = {"kernel": net.rng.standard_normal((6, 4, 3, 2)).astype(np.float32)}
    else:
        tensors = net.lookup_tensors(6, 4, 5, 6, 0.2)
        del tensors["bias"]
    net.add(op, name, tensors=tensors, filters=6, **window, **attributes)


def _batch_norm(net: NetBuilder) -> None:
    channels = net.shapes[net.last][-1]
    scale, shift = net.rng.standard_normal((2, channels)).astype(np.float32)
    net.add("batch_norm", "norm", tensors={"scale": scale, "shift": shift})


def _pool(op: str) -> Step:
    return lambda net: net.add(op, "pool", pool_size=(3, 2), strides=(2, 1), padding=(2, 0, 1, 1))


def _combination(op: str) -> Step:
    def build(net: NetBuilder) -> None:
        vector = net.add("global_max_pool2d", "largest")
        pixel = net.add("max_pool2d", "pixel", "image", pool_size=(7, 9))
        net.add(op, "combined", "image", vector, "image", pixel, activation="relu")

    return build


def _vectors(op: str) -> Step:
    def build(net: NetBuilder) -> None:
        _vector(net)
        net.add(op, "combined", "vector", net.add("global_max_pool2d", "largest", "image"))

    return build


CASES: dict[str, Step] = {
    "lookup_conv2d": lambda net: net.lookup_conv("op", 8, 3, 2, 1, atoms=5, density=0.2),
    "lookup_conv2d uneven": lambda net: _uneven(net, "lookup_conv2d", "op"),
    "lookup_conv2d pruned": lambda net: net.lookup_conv("op", 8, 3, 1, 1, atoms=None, density=0.2),
    "lookup_conv2d empty": lambda net: net.lookup_conv("op", 8, 3, 1, 1, atoms=5, density=0.0),
    "lookup_dense": lambda net: (_vector(net), net.lookup_dense("op", 12, atoms=3, density=0.3)),
    "lookup_dense pruned": lambda net: (_vector(net), net.lookup_dense("op", 12, atoms=None, density=0.3)),
    "conv2d": lambda net: net.conv("op", 8, 3, 2, 1),
    "conv2d uneven": lambda net: _uneven(net, "conv2d", "op"),
    "conv2d groups": lambda net: net.conv("op", 6, 3, 1, 1, groups=2),
    "conv2d depthwise": lambda net: net.conv("op", 4, 3, 1, 1, groups=4),
    "dense": lambda net: (_vector(net), net.dense("op", 12, activation="tanh")),
    "max_pool2d": _pool("max_pool2d"),
    "avg_pool2d": _pool("avg_pool2d"),
    "zero_pad2d": lambda net: net.add("zero_pad2d", "op", padding=(1, 2, 3, 0)),
    "global_avg_pool2d": lambda net: net.add("global_avg_pool2d", "op"),
    "global_max_pool2d": lambda net: net.add("global_max_pool2d", "op"),
    "flatten": lambda net: net.add("flatten", "op"),
    "softmax": lambda net: net.add("softmax", "op"),
    "softmax vector": lambda net: (_vector(net), net.add("softmax", "op")),
    "add": _combination("add"),
    "add vectors": _vectors("add"),
    "multiply": _combination("multiply"),
    "multiply vectors": _vectors("multiply"),
    "concat": lambda net: net.add("concat", "op", "image", net.conv("other", 3, 1), "image"),
    "batch_norm": _batch_norm,
    "batch_norm vector": lambda net: (_vector(net), _batch_norm(net)),
    "lrn": lambda net: net.add("lrn", "op", depth_radius=1, bias=2.0, alpha=0.3, beta=0.75),
    **{
        f"activation {kind}": lambda net, kind=kind: net.add(
            "activation", "op", activation=kind, alpha=0.2 if kind == "leaky_relu" else None
        )
        for kind in g.ACTIVATIONS
    },
}


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-5) -> None:
    """Compare two results; ``tolerance`` is a share of the largest number, at least of 1."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max())
