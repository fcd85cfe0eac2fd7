"""Every kernel variant this CPU has against the NumPy twin, over the sizes and shapes where kernels go wrong.

Each case is a small network with random weights; :func:`kernel_cases.check` runs it on every variant, after filling all
memory with NaN, alone, in a batch and on two threads. Tile sizes are asked of the variants, so that new ones are swept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.errors import ModelFormatError
from lcnn_engine.graph import ACTIVATIONS

from .kernel_cases import (
    CONV_LANES,
    DENSE_LANES,
    LOOKUP_TILES,
    VARIANTS,
    WIDTHS,
    Network,
    check,
    edges,
    lookups_of,
    seeded,
)

KERNELS = [(1, 1), (3, 3), (5, 5), (7, 7), (11, 11), (1, 7), (5, 2), (3, 11)]
STRIDES = [(1, 1), (2, 2), (3, 3), (4, 4), (1, 3), (4, 1), (2, 3)]


def with_alpha(activation: str) -> dict[str, Any]:
    return {"activation": activation, "alpha": 0.2 if activation == "leaky_relu" else None}


def test_the_fastest_variant_of_this_cpu_is_swept_and_the_portable_one_too() -> None:
    assert VARIANTS[-1] == "scalar"
    assert len(WIDTHS) == len(VARIANTS)


# ---------------------------------------------------------------------------------------------- lookup convolution


@pytest.mark.parametrize("pixels", sorted({*range(1, 8), *edges([*WIDTHS, *(2 * w for w in WIDTHS)])}))
def test_lookup_rows_around_a_vector(pixels: int) -> None:
    for kernel, padding in (((1, 1), (0, 0, 0, 0)), ((3, 3), (1, 1, 1, 1))):
        network = Network((1, pixels, 3), seeded("row", pixels, kernel))
        network.add("lookup_conv2d", filters=3, kernel_size=kernel, padding=padding, activation="relu")
        check(network)


@pytest.mark.parametrize("pixels", edges([*LOOKUP_TILES, *(2 * tile for tile in LOOKUP_TILES)]))
def test_lookup_pictures_around_a_tile(pixels: int) -> None:
    for shape in ((1, pixels, 2), (pixels // 8 or 1, 8, 2)):
        network = Network(shape, seeded("tile", pixels, shape))
        network.add("lookup_conv2d", filters=9, kernel_size=(1, 3), padding=(0, 0, 1, 1))
        check(network)


@pytest.mark.parametrize("size", [(13, 13), (27, 27), (55, 13), (2, 120), (61, 1)])
def test_lookup_on_larger_pictures_that_threads_share(size: tuple[int, int]) -> None:
    network = Network((*size, 8), seeded("large", size), k=30)
    network.add("lookup_conv2d", filters=40, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    check(network)


@pytest.mark.parametrize("filters", [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 130])
def test_lookup_filters(filters: int) -> None:
    for size in ((1, 1), (2, 2), (5, 9)):  # a vector, gathered pixels, tiles
        network = Network((*size, 4), seeded("filters", filters, size))
        network.add("lookup_conv2d", filters=filters, kernel_size=(1, 1), activation="relu")
        check(network)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 7, 8, 15, 16, 17, 30, 31, 32, 33, 64, 100, 255, 500, 512, 1000, 1023, 1024])
def test_lookup_dictionaries(k: int) -> None:
    for shape, kernel in (((6, 7, 5), (3, 3)), ((1, 1, 40), (1, 1)), ((2, 3, 17), (2, 2))):
        network = Network(shape, seeded("k", k, shape), k=k, density=min(1.0, 40 / k))
        network.add("lookup_conv2d", filters=5, kernel_size=kernel)
        check(network)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 15, 16, 17, 64, 257, 1023, 1024, 1025, 2500])
@pytest.mark.parametrize("k", [0, 3, 70])
def test_lookup_channels(channels: int, k: int) -> None:
    network = Network((5, 6, channels), seeded("channels", channels, k), k=k, density=min(1.0, 30 / (k or channels)))
    network.add("lookup_conv2d", filters=6, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    check(network)


def geometry(seed: tuple[object, ...], kernel: tuple[int, int], strides: tuple[int, int]) -> dict[str, Any]:
    """Dilation, a padding of its own on every side, and a picture size that fit them, drawn at random."""
    rng = seeded("geometry", seed, kernel, strides)
    dilation = tuple(int(rng.choice([1, 1, 2, 3])) if taps < 7 else 1 for taps in kernel)
    reach = [(taps - 1) * step + 1 for taps, step in zip(kernel, dilation, strict=True)]
    padding = [int(rng.integers(0, span + 1)) for span in (reach[0], reach[0], reach[1], reach[1])]
    if rng.random() < 0.3:
        padding = [0, 0, 0, 0]
    size = [
        max(1, int(rng.integers(span, span + 14)) - before - after)
        for span, before, after in zip(reach, padding[::2], padding[1::2], strict=True)
    ]
    while size[0] + padding[0] + padding[1] < reach[0]:
        size[0] += 1
    while size[1] + padding[2] + padding[3] < reach[1]:
        size[1] += 1
    return {"size": tuple(size), "strides": strides, "padding": tuple(padding), "dilation": dilation}


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("op", ["lookup_conv2d", "conv2d"])
def test_convolution_geometry(op: str, kernel: tuple[int, int], strides: tuple[int, int]) -> None:
    for draw, k in enumerate((4, 0, 9)):
        place = geometry((op, draw), kernel, strides)
        network = Network((*place.pop("size"), 3), seeded(op, draw, kernel, strides), k=k, bias=draw != 1)
        network.add("batch_norm", name="before")  # so that one draw in three reads a value with a border, not the input
        inputs = ("before",) if draw == 0 else ("image",)
        network.add(op, *inputs, filters=4, kernel_size=kernel, **place)
        check(network)


@pytest.mark.parametrize("side", range(4), ids=["top", "bottom", "left", "right"])
@pytest.mark.parametrize("op", ["lookup_conv2d", "conv2d"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_padding_on_one_side_alone(side: int, op: str, strides: tuple[int, int]) -> None:
    for amount in (1, 2, 3, 20):
        padding = tuple(amount if at == side else 0 for at in range(4))
        network = Network((5, 7, 2), seeded("side", op, side, amount, strides))
        network.add("activation", activation="relu")
        network.add(op, filters=5, kernel_size=(3, 3), padding=padding, strides=strides)
        check(network)


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (6, 6), (11, 5), (13, 1)])
@pytest.mark.parametrize("op", ["lookup_conv2d", "conv2d"])
def test_outputs_of_one_pixel(op: str, kernel: tuple[int, int]) -> None:
    network = Network((*kernel, 6), seeded("pixel", op, kernel), k=7)
    network.add(op, filters=300, kernel_size=kernel, strides=(2, 3), activation="relu")
    network.add("flatten")
    network.add("lookup_dense", units=20)
    check(network)


@pytest.mark.parametrize("k", [0, 6])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (9, 8)])
def test_filters_without_lookups(k: int, bias: bool, size: tuple[int, int]) -> None:
    for kept in ([], [0], [6], [2, 3]):
        network = Network((*size, 4), seeded("none", k, bias, size, kept), k=k, bias=bias)
        name = network.add("lookup_conv2d", filters=7, kernel_size=(1, 1), activation="sigmoid")
        P = np.zeros((7, k or 4))
        P[kept] = network.rng.standard_normal((len(kept), k or 4))
        network.tensors.update({f"{name}/{tensor}": array for tensor, array in lookups_of(P).items()})
        check(network)


def test_coefficients_of_zero_are_lookups_like_others() -> None:
    network = Network((6, 6, 3), seeded("zeros"))
    name = network.add("lookup_conv2d", filters=6, kernel_size=(3, 3))
    network.tensors[f"{name}/coefficients"][::2] = 0
    check(network)


@pytest.mark.parametrize("lookups", [1, 2, 3, 4, 5, 7, 8, 9])
def test_few_lookups_a_filter(lookups: int) -> None:
    for size in ((1, 1), (3, 1), (4, 9)):
        network = Network((*size, 9), seeded("few", lookups, size), k=0)
        name = network.add("lookup_conv2d", filters=10, kernel_size=(1, 1))
        P = np.zeros((10, 9))
        P[:, :lookups] = network.rng.standard_normal((10, lookups))
        network.tensors.update({f"{name}/{tensor}": array for tensor, array in lookups_of(P).items()})
        check(network)


# ------------------------------------------------------------------------------------------------ dense convolution


@pytest.mark.parametrize("filters", sorted({*edges([*WIDTHS, *CONV_LANES, *(2 * n for n in CONV_LANES)])}))
def test_convolution_filters(filters: int) -> None:
    network = Network((4, 5, 3), seeded("conv filters", filters))
    network.add("conv2d", filters=filters, kernel_size=(3, 3), padding=(1, 0, 0, 1), activation="relu")
    check(network)


@pytest.mark.parametrize("size", [(1, 5), (1, 6), (1, 7), (7, 17), (10, 12), (11, 11), (1, 241), (240, 1), (19, 19)])
def test_convolution_pixels(size: tuple[int, int]) -> None:
    network = Network((*size, 3), seeded("conv pixels", size))
    network.add("conv2d", filters=20, kernel_size=(1, 1))
    check(network)


@pytest.mark.parametrize("channels", [1, 2, 113, 114, 300, 1100])
def test_convolution_whose_weights_need_several_passes(channels: int) -> None:
    network = Network((5, 6, channels), seeded("passes", channels))
    network.add("conv2d", filters=70, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    check(network)


@pytest.mark.parametrize("groups", [1, 2, 3, 8, 24])
@pytest.mark.parametrize("each", [1, 2, 3, 5, 17])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_groups_and_depthwise(groups: int, each: int, strides: tuple[int, int]) -> None:
    network = Network((9, 8, 24), seeded("groups", groups, each, strides))
    network.add(
        "conv2d", filters=groups * each, kernel_size=(3, 3), padding=(1, 1, 1, 1), groups=groups, strides=strides
    )
    check(network)


# ------------------------------------------------------------------------------------------------------ dense layers


@pytest.mark.parametrize("units", sorted({1, 2, 3, *edges([*WIDTHS, *DENSE_LANES]), 1000}))
@pytest.mark.parametrize("op", ["dense", "lookup_dense"])
def test_dense_units(op: str, units: int) -> None:
    network = Network((37,), seeded(op, units), k=11)
    network.add(op, units=units, activation="relu")
    check(network)


@pytest.mark.parametrize("length", sorted({1, 2, 3, *edges(WIDTHS), 100, 1000, 4096}))
@pytest.mark.parametrize("zeros", [0.0, 0.7, 1.0])
def test_dense_lengths_and_inputs_of_zero(length: int, zeros: float) -> None:
    for op, k in (("dense", 0), ("lookup_dense", 0), ("lookup_dense", 12), ("lookup_dense", 600)):
        network = Network((length,), seeded(op, k, length, zeros), k=k, density=min(1.0, 50 / (k or length)))
        network.add(op, units=30)
        check(network, zeros=zeros)


# ------------------------------------------------------------------------------------------------------------ pools

POOLS = [(1, 1), (2, 2), (3, 3), (5, 5), (7, 7), (3, 2), (1, 4), (6, 1)]


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_pools(pool: tuple[int, int], strides: tuple[int, int]) -> None:
    for draw in range(3):
        rng = seeded("pool", pool, strides, draw)
        padding = tuple(int(rng.integers(0, pool[axis])) if draw else 0 for axis in (0, 0, 1, 1))
        size = tuple(int(span + rng.choice([0, 1, 2, 7, 15, 16, 17, 33])) for span in pool)
        for op in ("max_pool2d", "avg_pool2d"):
            network = Network((*size, int(rng.integers(1, 6))), seeded(op, pool, strides, draw))
            network.add(op, pool_size=pool, strides=strides, padding=padding)
            if draw == 2:  # into a value with a border
                network.add("conv2d", filters=3, kernel_size=(3, 3), padding=(1, 2, 1, 1))
            check(network)


@pytest.mark.parametrize("pool", [(2, 2), (3, 3), (7, 5)])
def test_pools_over_pictures_smaller_than_the_window(pool: tuple[int, int]) -> None:
    for op in ("max_pool2d", "avg_pool2d"):
        network = Network((1, 1, 5), seeded("small", op, pool))
        side = (pool[0] - 1, pool[0] - 1, pool[1] - 1, pool[1] - 1)
        network.add(op, pool_size=pool, padding=side)
        check(network)


# -------------------------------------------------------------------------------------------- values, one by one

SHAPES: list[tuple[int, ...]] = [
    *((n,) for n in sorted({1, 2, 3, *edges([*WIDTHS, 2 * WIDTHS[-1]]), 1000})),
    (1, 1, 1), (1, 1, 33), (1, 17, 3), (16, 16, 2), (7, 5, 4), (31, 33, 1), (13, 13, 40),
]  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_activations(activation: str, shape: tuple[int, ...]) -> None:
    network = Network(shape, seeded(activation, shape))
    network.add("activation", **with_alpha(activation))
    check(network, scale=4.0)


@pytest.mark.parametrize("scale", [1e-4, 0.5, 30.0, 1000.0])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_near_zero_and_far_from_it(activation: str, scale: float) -> None:
    network = Network((999,), seeded(activation, scale))
    network.add("activation", **with_alpha(activation))
    check(network, scale=scale)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_inside_other_operations(activation: str) -> None:
    act = with_alpha(activation)
    for size in ((1, 1), (3, 1), (6, 7)):
        for op in ("lookup_conv2d", "conv2d"):
            network = Network((*size, 5), seeded("inside", op, activation, size))
            network.add(op, filters=19, kernel_size=(1, 1), **act)
            check(network, scale=3.0)
        for op in ("add", "multiply"):
            network = Network((*size, 5), seeded("inside", op, activation, size))
            network.add("batch_norm", name="b")
            network.add(op, "b", "image", **act)
            check(network)
    for op in ("dense", "lookup_dense"):
        network = Network((30,), seeded("inside", op, activation))
        network.add(op, units=37, **act)
        check(network, scale=3.0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation_nodes_after_other_operations(activation: str) -> None:
    for op, attributes in (
        ("lookup_conv2d", {"filters": 5, "kernel_size": (3, 3)}),
        ("conv2d", {"filters": 5, "kernel_size": (3, 3)}),
        ("batch_norm", {}),
        ("max_pool2d", {"pool_size": (2, 2)}),
    ):
        network = Network((6, 7, 3), seeded("after", op, activation))
        before = network.add(op, **attributes)
        after = network.add("activation", **with_alpha(activation))
        check(network)
        check(network, outputs=[before, after])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_elementwise_operations(shape: tuple[int, ...]) -> None:
    for op in ("add", "multiply"):
        for order in ((0, 0), (0, 1), (1, 0), (1, 0, 1, 1)):
            network = Network(shape, seeded(op, shape, order))
            values = (network.source, network.add("batch_norm"))
            network.add(op, *(values[i] for i in order))
            check(network)
    for op in ("batch_norm", "softmax"):
        network = Network(shape, seeded(op, shape))
        network.add(op)
        check(network, scale=3.0)


@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 17, 3), (16, 16, 16), (1, 1, 4), (13, 1, 20)])
@pytest.mark.parametrize("op", ["add", "multiply"])
def test_one_number_a_channel_is_repeated_over_the_picture(op: str, shape: tuple[int, ...]) -> None:
    for order in ((0, 1), (1, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        for vector in (True, False):
            network = Network(shape, seeded("repeat", op, shape, order, vector))
            small = network.add("global_avg_pool2d")
            if not vector:
                small = network.add("avg_pool2d", "image", pool_size=shape[:2])
            network.add(op, *(("image", small)[i] for i in order), activation="silu")
            check(network)


@pytest.mark.parametrize("op", ["global_avg_pool2d", "global_max_pool2d", "flatten"])
def test_from_pictures_to_vectors(op: str) -> None:
    for shape in (shape for shape in [*SHAPES, (55, 57, 3)] if len(shape) == 3):
        network = Network(shape, seeded(op, shape))
        network.add(op)
        check(network)
        network.add("dense", units=5)
        check(network)


@pytest.mark.parametrize(
    "padding", [(0, 0, 0, 0), (1, 0, 0, 0), (0, 2, 0, 0), (0, 0, 3, 0), (0, 0, 0, 4), (1, 2, 3, 4)]
)
def test_zero_padding(padding: tuple[int, ...]) -> None:
    for shape in ((1, 1, 3), (5, 6, 2), (1, 17, 1)):
        network = Network(shape, seeded("pad", padding, shape))
        network.add("zero_pad2d", padding=padding)
        check(network)
        network.add("conv2d", filters=4, kernel_size=(2, 2), padding=(1, 1, 2, 1))
        check(network)


@pytest.mark.parametrize("shape", [(4,), (1, 1, 5), (5, 6, 3), (1, 17, 2)])
def test_concat(shape: tuple[int, ...]) -> None:
    for order in ((0, 0), (0, 1), (1, 0, 1)):
        network = Network(shape, seeded("concat", shape, order))
        values = (network.source, network.add("batch_norm"))
        network.add("concat", *(values[i] for i in order))
        check(network)
        if len(shape) == 3:
            network.add("lookup_conv2d", filters=4, kernel_size=(3, 3), padding=(1, 1, 2, 2))
            check(network)


@pytest.mark.parametrize("radius", [0, 1, 2, 5, 100])
@pytest.mark.parametrize(
    ("bias", "alpha", "beta"), [(1.0, 1e-4, 0.75), (2.0, 0.3, 0.5), (1.0, 0.01, 1.0), (0.5, 1.0, -0.3)]
)
def test_lrn(radius: int, bias: float, alpha: float, beta: float) -> None:
    for shape in ((1, 1, 5), (3, 17, 8), (9, 5, 33)):
        network = Network(shape, seeded("lrn", radius, bias, shape))
        network.add("lrn", depth_radius=radius, bias=bias, alpha=alpha, beta=beta)
        check(network, scale=2.0)


def test_whole_pictures_that_only_pass_through() -> None:
    for shape in ((5,), (4, 6, 3), (1, 1, 7)):
        network = Network(shape, seeded("through", shape))
        network.add("activation", activation="linear")
        check(network)


# --------------------------------------------------------------------------------------------------------- branches


def test_a_value_that_lives_through_a_long_branch() -> None:
    network = Network((12, 13, 6), seeded("residual"), k=8)
    network.add("lookup_conv2d", filters=8, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu", name="early")
    for depth in range(6):
        network.add("lookup_conv2d", filters=8, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
        network.add("max_pool2d" if depth % 2 else "avg_pool2d", pool_size=(3, 3), padding=(1, 1, 1, 1))
    network.add("add", network.nodes[-1].name, "early", "early", activation="relu")
    network.add("concat", network.nodes[-1].name, "image")
    network.add("global_avg_pool2d")
    network.add("softmax")
    check(network)
    check(network, outputs=[node.name for node in network.nodes])


def test_readers_that_want_different_borders_of_one_value() -> None:
    network = Network((9, 10, 4), seeded("borders"))
    network.add("batch_norm", name="shared")
    branches = [
        network.add("lookup_conv2d", "shared", filters=3, kernel_size=(1, 1)),
        network.add("lookup_conv2d", "shared", filters=3, kernel_size=(3, 3), padding=(1, 1, 1, 1)),
        network.add("conv2d", "shared", filters=3, kernel_size=(5, 5), padding=(2, 2, 2, 2)),
        network.add("lookup_conv2d", "shared", filters=3, kernel_size=(3, 1), padding=(0, 2, 0, 0)),
        network.add("conv2d", "shared", filters=3, kernel_size=(1, 4), padding=(0, 0, 3, 0)),
        network.add("max_pool2d", "shared", pool_size=(3, 3), padding=(1, 1, 1, 1)),
        network.add("lookup_conv2d", "shared", filters=9 * 10, kernel_size=(9, 10), strides=(2, 2)),
    ]
    network.add("concat", *branches[:6], name="all")
    check(network, outputs=[*branches, "all"])
    check(network)


def test_squeeze_and_excitation() -> None:
    network = Network((8, 9, 12), seeded("squeeze"))
    network.add("conv2d", filters=12, kernel_size=(3, 3), padding=(1, 1, 1, 1), groups=12, **with_alpha("hard_silu"))
    kept = network.nodes[-1].name
    network.add("global_avg_pool2d")
    network.add("dense", units=4, activation="relu")
    network.add("dense", units=12, activation="hard_sigmoid")
    network.add("multiply", kept, network.nodes[-1].name)
    network.add("lookup_conv2d", filters=10, kernel_size=(1, 1))
    check(network)


def test_nodes_that_nobody_reads_and_an_output_in_the_middle() -> None:
    network = Network((7, 7, 3), seeded("unread"))
    network.add("lookup_conv2d", filters=4, kernel_size=(3, 3), name="used")
    network.add("conv2d", "image", filters=4, kernel_size=(3, 3), name="unread")
    network.add("activation", "used", activation="relu", name="first")
    network.add("activation", "used", activation="tanh", name="second")
    check(network, outputs=["used"])
    check(network, outputs=["first"])
    check(network, outputs=["second", "first", "unread"])


RANDOM_OPS: list[tuple[str, dict[str, Any]]] = [
    ("lookup_conv2d", {"filters": 6, "kernel_size": (3, 3), "padding": (1, 1, 1, 1), "activation": "relu"}),
    ("lookup_conv2d", {"filters": 5, "kernel_size": (2, 3), "padding": (0, 1, 2, 0), "strides": (2, 1)}),
    ("conv2d", {"filters": 6, "kernel_size": (3, 3), "padding": (1, 1, 1, 1), "activation": "silu"}),
    ("conv2d", {"filters": 4, "kernel_size": (3, 1), "dilation": (2, 1), "padding": (2, 2, 0, 0)}),
    ("max_pool2d", {"pool_size": (3, 3), "padding": (1, 1, 1, 1)}),
    ("avg_pool2d", {"pool_size": (2, 2), "strides": (2, 2), "padding": (0, 1, 0, 1)}),
    ("zero_pad2d", {"padding": (1, 0, 2, 0)}), ("global_avg_pool2d", {}), ("global_max_pool2d", {}), ("flatten", {}),
    ("dense", {"units": 6, "activation": "tanh"}), ("lookup_dense", {"units": 6}), ("batch_norm", {}), ("softmax", {}),
    ("activation", {"activation": "hard_silu"}), ("lrn", {"depth_radius": 1, "bias": 1.0, "alpha": 0.1, "beta": 0.75}),
    ("add", {}), ("add", {"activation": "relu6"}), ("multiply", {"activation": "sigmoid"}), ("concat", {}),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    rng = seeded("random", seed)
    size = tuple(int(n) for n in rng.integers(1, 16, 2))
    network = Network((*size, int(rng.integers(1, 7))), rng, k=int(rng.integers(0, 7)), density=0.4)
    for _ in range(300):
        op, attributes = RANDOM_OPS[rng.integers(len(RANDOM_OPS))]
        inputs = rng.choice(list(network.shapes), rng.integers(2, 4) if op in ("add", "multiply", "concat") else 1)
        try:
            network.add(op, *(str(name) for name in inputs), **attributes)
        except ModelFormatError:  # these inputs do not fit this operation
            continue
        if len(network.nodes) == 14:
            break
    assert len(network.nodes) == 14
    check(network)
    check(network, outputs=[node.name for node in network.nodes])
