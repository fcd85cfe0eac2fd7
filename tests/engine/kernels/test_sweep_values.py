"""The sweep of ``test_kernel_sweep`` for pools, and for operations that look at values one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.model import reference
from lcnn_engine.model.graph import ACTIVATIONS, NODE_TYPES
from lcnn_engine.plan import Plan
from tests.helpers.kernel_cases import (
    ELEMENTWISE,
    OF_TWO,
    POSITIVE,
    VARIANTS,
    WIDTHS,
    Network,
    check,
    edges,
    seeded,
    with_alpha,
)

STRIDES = [(1, 1), (2, 2), (3, 3), (4, 4), (1, 3), (4, 1), (2, 3)]


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
    if activation in POSITIVE:
        network.add("activation", activation="abs")
    network.add("activation", **with_alpha(activation))
    check(network, scale=4.0)


@pytest.mark.parametrize("scale", [1e-4, 0.5, 30.0, 1000.0])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_near_zero_and_far_from_it(activation: str, scale: float) -> None:
    network = Network((999,), seeded(activation, scale))
    network.add("activation", **with_alpha(activation))
    check(network, scale=scale)
    check(network, scale=scale, zeros=0.2)


@pytest.mark.parametrize("activation", ["gelu", "softplus", "elu", "mish"])
def test_activations_keep_their_digits_where_they_are_small(activation: str) -> None:
    """Each number by itself, in the tail below 0, where a difference of large numbers would have none left."""
    for low, high in ((-9, -4), (-4, -1), (-1, -1e-3), (-1e-3, -1e-6)):
        network = Network((500,), seeded("digits", activation))
        network.add("activation", **with_alpha(activation))
        x = np.linspace(low, high, 500, dtype=np.float32).reshape(1, *network.shape)
        wanted = reference.evaluate(network.graph(), {}, x[0])[network.nodes[-1].name]
        for variant in VARIANTS:
            found = np.zeros((1, 500), np.float32)
            assert Plan(network.graph(), {}, variant=variant).run(x, [found], 1)
            assert (np.abs(found[0] - wanted.astype(np.float64)) <= 2e-6 * np.abs(wanted)).all(), (variant, low)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_inside_other_operations(activation: str) -> None:
    act = with_alpha(activation)
    for size in ((1, 1), (3, 1), (6, 7)):
        for op in ("lookup_conv2d", "conv2d"):
            network = Network((*size, 5), seeded("inside", op, activation, size))
            layer = network.add(op, filters=19, kernel_size=(1, 1), **act)
            if activation in POSITIVE:
                network.raise_above_zero(layer)
            check(network, scale=3.0)
        for op in ELEMENTWISE:
            network = Network((*size, 5), seeded("inside", op, activation, size))
            first, second = network.add("batch_norm"), "image"
            if activation in POSITIVE or op == "divide":
                second = network.add_positive("image")
            if activation in POSITIVE:
                network.raise_above_zero(first)
            network.add(op, first, second, **act)
            check(network)
    for op in ("dense", "lookup_dense"):
        network = Network((30,), seeded("inside", op, activation))
        layer = network.add(op, units=37, **act)
        if activation in POSITIVE:
            network.raise_above_zero(layer)
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
        if activation in POSITIVE:
            network.add_positive()
        before = network.add(op, **attributes)
        if activation in POSITIVE:
            network.raise_above_zero(before)
        after = network.add("activation", **with_alpha(activation))
        check(network)
        check(network, outputs=[before, after])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_elementwise_operations(shape: tuple[int, ...]) -> None:
    for op in ELEMENTWISE:
        for order in ((0, 0), (0, 1), (1, 0), (1, 0, 1, 1)):
            if op in OF_TWO and len(order) > 2:
                continue
            network = Network(shape, seeded(op, shape, order))
            source = network.add_positive() if op == "divide" else network.source
            values = (source, network.add_positive() if op == "divide" else network.add("batch_norm"))
            network.add(op, *(values[i] for i in order))
            check(network)
    for op in ("batch_norm", "softmax", "log_softmax", "prelu", "layer_norm"):
        network = Network(shape, seeded(op, shape))
        network.add(op, **({"epsilon": 1e-3} if op == "layer_norm" else {}))
        check(network, scale=3.0)


@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 17, 3), (16, 16, 16), (1, 1, 4), (13, 1, 20)])
@pytest.mark.parametrize("op", ELEMENTWISE)
def test_one_number_a_channel_is_repeated_over_the_picture(op: str, shape: tuple[int, ...]) -> None:
    for order in ((0, 1), (1, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        for vector in (True, False):
            network = Network(shape, seeded("repeat", op, shape, order, vector))
            if op in OF_TWO and len(order) > 2:
                continue
            full = network.add_positive() if op == "divide" else "image"
            small = network.add("global_avg_pool2d", full)
            if not vector:
                small = network.add("avg_pool2d", full, pool_size=shape[:2])
            network.add(op, *((full, small)[i] for i in order), activation="silu")
            check(network)


@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 17, 3), (16, 16, 16), (1, 1, 4), (1, 1, 37), (13, 1, 20), (4, 5, 1)])
@pytest.mark.parametrize("op", ELEMENTWISE)
def test_one_number_a_pixel_is_repeated_over_the_channels(op: str, shape: tuple[int, ...]) -> None:
    for order in ((0, 1), (1, 0), (0, 1, 1), (1, 2, 0), (1, 1, 0)):
        if op in OF_TWO and len(order) > 2:
            continue
        network = Network(shape, seeded("pixels", op, shape, order))
        full = network.add_positive() if op == "divide" else "image"
        values = (full, network.add("channel_mean", full), network.add("global_max_pool2d", full))
        network.add(op, *(values[i] for i in order), activation="tanh")
        check(network)
        network.add("conv2d", filters=3, kernel_size=(3, 3), padding=(1, 1, 2, 1))  # into a value with a border
        check(network)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_constants(shape: tuple[int, ...]) -> None:
    network = Network(shape, seeded("constant", shape))
    held = network.add("constant", shape=network.shapes[network.source])
    check(network)
    network.add("multiply", network.source, held)
    check(network, outputs=[held, network.nodes[-1].name])
    if len(shape) == 3:
        network.add("conv2d", held, filters=4, kernel_size=(3, 3), padding=(1, 1, 2, 1))
        check(network, outputs=[held, network.nodes[-1].name])


PICTURES = [shape for shape in SHAPES if len(shape) == 3] + [(7, 7, 300), (2, 3, 64)]


@pytest.mark.parametrize("op", ["channel_max", "channel_mean"])
def test_pools_over_channels(op: str) -> None:
    for shape in PICTURES:
        network = Network(shape, seeded(op, shape))
        network.add(op)
        check(network)
        network.add("lookup_conv2d", filters=3, kernel_size=(3, 3), padding=(1, 2, 1, 1))
        check(network)


@pytest.mark.parametrize("shape", PICTURES, ids=str)
def test_norms_of_pictures(shape: tuple[int, ...]) -> None:
    channels = shape[-1]
    for op, attributes in (
        ("layer_norm", {}),
        *(("group_norm", {"groups": n}) for n in sorted({1, channels} | {2, 4, 5} & {*range(channels + 1)})),
    ):
        if channels % attributes.get("groups", 1):
            continue
        network = Network(shape, seeded(op, shape, attributes))
        network.add(op, epsilon=1e-3, **attributes)
        check(network, scale=3.0)
        network.add("conv2d", filters=3, kernel_size=(3, 3), padding=(1, 2, 1, 1))
        check(network)


@pytest.mark.parametrize(("op", "attributes"), [("layer_norm", {}), ("group_norm", {"groups": 2})])
def test_norms_of_numbers_far_above_their_deviation(op: str, attributes: dict[str, Any]) -> None:
    """Of values near 1000 that differ by 1 a mean in float32 would be off by the part of the deviation that shows."""
    for shape in ((5, 9, 600), (40, 41, 6)):
        network = Network(shape, seeded("far", op, shape))
        network.add("batch_norm", name="raised")
        network.tensors["raised/scale"][:], network.tensors["raised/shift"][:] = 1.0, 1024.0
        held = network.add("activation", activation="relu")  # the same float32 numbers for both
        network.add(op, held, epsilon=1e-5, **attributes)
        check(network)


@pytest.mark.parametrize("width", [1, 2, 7, *edges(4 * w for w in WIDTHS)])
@pytest.mark.parametrize("border", [(1, 1, 1, 1), (0, 2, 3, 0), (4, 4, 9, 9)])
@pytest.mark.parametrize("op", ["global_avg_pool2d", "global_max_pool2d"])
def test_of_a_picture_with_a_border(op: str, border: tuple[int, int, int, int], width: int) -> None:
    """Its zeros are no values: of numbers below 0 they would be the greatest."""
    network = Network((4, width, 3), seeded(op, border, width))
    network.add("activation", name="positive", activation="exponential")
    negative = network.add("batch_norm", name="negative")
    network.tensors["negative/scale"] = -np.abs(network.tensors["negative/scale"])
    network.tensors["negative/shift"] = -np.abs(network.tensors["negative/shift"])
    reader = network.add("conv2d", negative, name="reader", filters=2, kernel_size=(3, 3), padding=border)
    pooled = network.add(op, negative, name="pooled")
    check(network, outputs=[pooled, reader])


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


@pytest.mark.parametrize("bordered", [True, False], ids=["border before", "none before"])
@pytest.mark.parametrize("border_after", [True, False], ids=["border after", "none after"])
@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("activation", {"activation": "tanh"}), ("batch_norm", {}), ("softmax", {}), ("add", {}), ("multiply", {}),
        ("subtract", {}), ("maximum", {}), ("prelu", {}), ("layer_norm", {"epsilon": 0.1}), ("log_softmax", {}),
        ("group_norm", {"epsilon": 0.1, "groups": 3}), ("channel_max", {}), ("channel_mean", {}),
        ("concat", {}), ("zero_pad2d", {"padding": (0, 0, 0, 0)}), ("max_pool2d", {"pool_size": (1, 1)}),
        ("lrn", {"depth_radius": 1, "bias": 1.0, "alpha": 0.1, "beta": 0.75}),
        ("conv2d", {"filters": 9, "kernel_size": (1, 1)}),
        ("lookup_conv2d", {"filters": 9, "kernel_size": (1, 1)}), ("global_max_pool2d", {}), ("flatten", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_pictures_of_one_pixel_are_vectors_unless_they_have_a_border(
    op: str, attributes: dict[str, Any], bordered: bool, border_after: bool
) -> None:
    network = Network((1, 1, 9), seeded("one", op, bordered, border_after))
    before = network.add("batch_norm")
    other = network.add("batch_norm", "image")
    readers = [network.add("conv2d", before, filters=2, kernel_size=(3, 3), padding=(1, 1, 1, 1))] if bordered else []
    two = NODE_TYPES[op].many or op in OF_TWO
    for inputs in ((before, other), (other, before)) if two else ((before,),):
        result = network.add(op, *inputs, **attributes)
        readers.append(result)
        if border_after and len(network.shapes[result]) == 3:
            wide = {"filters": 3, "kernel_size": (2, 3), "padding": (0, 1, 2, 1)}
            readers.append(network.add("lookup_conv2d", result, **wide))
    check(network, outputs=readers)
    check(network)
