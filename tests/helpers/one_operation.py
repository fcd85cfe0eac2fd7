"""Small networks around one operation each: what every translation of a graph, ours and others', is tried on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np

from lcnn_engine.model.graph import ACTIVATIONS, COORDINATES, RESIZE_METHODS, ROUNDINGS, Graph
from tests.helpers.kernel_cases import POSITIVE, Network, seeded, with_alpha

Build = Callable[[Network], object]

SAME = {"kernel_size": (3, 3), "padding": (1, 1, 1, 1), "activation": "relu"}
UNEVEN = {"kernel_size": (3, 2), "strides": (2, 1), "padding": (1, 0, 2, 3), "dilation": (2, 1)}
POOL = {"pool_size": (3, 2), "strides": (2, 1), "padding": (2, 0, 1, 1)}


def _one(op: str, *before: str, k: int = 5, density: float = 0.3, biased: bool = True, **attributes: Any) -> Build:
    """``op``, whose tensors have ``k``, ``density`` and ``biased``, after operations that need no attributes."""

    def build(network: Network) -> None:
        for name in before:
            network.add(name)
        network.k, network.density, network.bias = k, density, biased
        network.add(op, **attributes)

    return build


def _with_repeated(op: str) -> Build:
    """Images, a vector and an image of one pixel, more than two of them."""

    def build(network: Network) -> None:
        vector = network.add("global_max_pool2d")
        pixel = network.add("max_pool2d", "image", pool_size=(7, 9))
        network.add(op, "image", vector, "image", pixel, activation="relu")

    return build


def _of_two(op: str, small: str | None = None, first: bool = False) -> Build:
    """An image and positive numbers, or with ``small`` an operation on those before, as the first or the second."""

    def build(network: Network) -> None:
        second = network.add_positive()
        second = network.add(small, second) if small else second
        if first:
            network.add(op, second, network.add_positive("image"))
        else:
            network.add(op, "image", second, activation="relu")

    return build


def _activation(kind: str) -> Build:
    def build(network: Network) -> None:
        if kind in POSITIVE:
            network.add_positive()
        network.add("activation", **with_alpha(kind))

    return build


def _constants(network: Network) -> None:
    """A map, a vector and a plane that the model holds, read by sums."""
    network.add("add", "image", network.add("constant", shape=(7, 9, 4)), network.add("constant", shape=(4,)))
    network.add("multiply", network.nodes[-1].name, network.add("constant", shape=(7, 9, 1)))


def _by_pixel(op: str) -> Build:
    return lambda network: network.add(op, network.add("channel_mean"), "image", network.add("channel_max", "image"))


def _of_vectors(op: str) -> Build:
    return lambda network: network.add(op, network.add("global_avg_pool2d"), network.add("global_max_pool2d", "image"))


CASES: dict[str, Build] = {
    "lookup_conv2d": _one("lookup_conv2d", filters=8, strides=(2, 2), **SAME),
    "lookup_conv2d uneven": _one("lookup_conv2d", filters=6, biased=False, **UNEVEN),
    "lookup_conv2d pruned": _one("lookup_conv2d", filters=8, k=0, **SAME),
    "lookup_conv2d empty": _one("lookup_conv2d", filters=8, density=0.0, **SAME),
    "lookup_dense": _one("lookup_dense", "global_avg_pool2d", units=12, k=3),
    "lookup_dense pruned": _one("lookup_dense", "global_avg_pool2d", units=12, k=0),
    "conv2d": _one("conv2d", filters=8, strides=(2, 2), **SAME),
    "conv2d uneven": _one("conv2d", filters=6, biased=False, **UNEVEN),
    "conv2d groups": _one("conv2d", filters=6, groups=2, **SAME),
    "conv2d depthwise": _one("conv2d", filters=4, groups=4, **SAME),
    "dense": _one("dense", "global_avg_pool2d", units=12, activation="tanh"),
    "max_pool2d": _one("max_pool2d", **POOL),
    "avg_pool2d": _one("avg_pool2d", **POOL),
    "zero_pad2d": _one("zero_pad2d", padding=(1, 2, 3, 0)),
    "global_avg_pool2d": _one("global_avg_pool2d"),
    "global_max_pool2d": _one("global_max_pool2d"),
    "flatten": _one("flatten"),
    "flatten, dense": _one("dense", "flatten", units=10),
    "softmax": _one("softmax"),
    "softmax vector": _one("softmax", "global_avg_pool2d"),
    "log_softmax": _one("log_softmax"),
    "log_softmax vector": _one("log_softmax", "global_avg_pool2d"),
    **{f"activation {kind}": _activation(kind) for kind in ACTIVATIONS},
    "add": _with_repeated("add"),
    "add vectors": _of_vectors("add"),
    "multiply": _with_repeated("multiply"),
    "multiply vectors": _of_vectors("multiply"),
    "multiply by pixel": _by_pixel("multiply"),
    "subtract": _of_two("subtract"),
    "subtract vectors": _of_vectors("subtract"),
    "subtract from a vector": _of_two("subtract", "global_avg_pool2d", first=True),
    "divide": _of_two("divide"),
    "divide by a plane": _of_two("divide", "channel_mean"),
    "divide a vector": _of_two("divide", "global_avg_pool2d", first=True),
    "maximum": _with_repeated("maximum"),
    "maximum vectors": _of_vectors("maximum"),
    "minimum": _with_repeated("minimum"),
    "minimum by pixel": _by_pixel("minimum"),
    "constant": _constants,
    "concat": lambda network: network.add("concat", "image", network.add("conv2d", filters=3, **SAME), "image"),
    "batch_norm": _one("batch_norm"),
    "batch_norm vector": _one("batch_norm", "global_avg_pool2d"),
    "prelu": _one("prelu"),
    "prelu vector": _one("prelu", "global_avg_pool2d"),
    "layer_norm": _one("layer_norm", epsilon=1e-3),
    "layer_norm vector": _one("layer_norm", "global_avg_pool2d", epsilon=1e-3),
    "group_norm": _one("group_norm", groups=2, epsilon=1e-3),
    "group_norm of each channel": _one("group_norm", groups=4, epsilon=1e-3),
    "channel_max": _one("channel_max"),
    "channel_mean": _one("channel_mean"),
    "lrn": _one("lrn", depth_radius=1, bias=2.0, alpha=0.3, beta=0.75),
    "pad2d": _one("pad2d", padding=(1, 2, 3, 0), value=-1.5),
    **{f"pad2d {mode}": _one("pad2d", padding=(6, 2, 3, 0), mode=mode) for mode in ("reflect", "symmetric", "edge")},
    "crop2d": _one("crop2d", cropping=(1, 2, 3, 0)),
    **{
        f"resize2d {method} {coordinates} {size}": _one("resize2d", size=size, method=method, coordinates=coordinates)
        for method in RESIZE_METHODS
        for coordinates in COORDINATES
        for size in ((14, 27), (5, 4), (1, 16))
    },
    **{
        f"resize2d nearest {rounding} {coordinates}": _one(
            "resize2d", size=(16, 6), method="nearest", rounding=rounding, coordinates=coordinates
        )
        for rounding in ROUNDINGS
        for coordinates in ("half_pixel", "align_corners")
    },
    "resize2d bicubic steeper": _one("resize2d", size=(14, 5), method="bicubic", cubic_coefficient=-0.75),
    "resize2d bicubic, nothing outside": _one("resize2d", size=(14, 5), method="bicubic", edges="exclude"),
    "depth_to_space": _one("depth_to_space", block_size=2),
    "space_to_depth": lambda network: network.add(
        "space_to_depth", network.add("crop2d", cropping=(1, 0, 0, 0)), block_size=3
    ),
    "take_channels": _one("take_channels", channels=7),
    "take_channels vector": _one("take_channels", "global_avg_pool2d", channels=3),
    "reshape": _one("reshape", shape=(12, 3, 7)),
    "reshape to a vector": _one("reshape", shape=(252,)),
    "reshape of a vector": _one("reshape", "flatten", shape=(9, 4, 7)),
    **{f"permute {axes}": _one("permute", axes=axes) for axes in permutations(range(3))},
}
"""By the name of an operation, which may be followed by what is special about it."""


def network_of(case: str) -> tuple[Graph, dict[str, np.ndarray], np.ndarray]:
    """Make the graph and the tensors of a case, whose last node is the operation or reads it; an input (7, 9, 4)."""
    network = Network((7, 9, 4), seeded("one operation", case))
    CASES[case](network)
    x = 4 * network.rng.standard_normal(network.shape, dtype=np.float32)
    return network.graph(), network.tensors, x


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-5) -> None:
    """Compare two results; ``tolerance`` is a share of the largest number, at least of 1."""
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max())
