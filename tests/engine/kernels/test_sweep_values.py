"""The sweep of ``test_kernel_sweep`` for pools, and for operations that look at values one by one."""

from __future__ import annotations

from typing import Any

import pytest

from lcnn_engine.model.graph import ACTIVATIONS, NODE_TYPES
from tests.helpers.kernel_cases import ELEMENTWISE, WIDTHS, Network, check, edges, seeded, with_alpha

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
        for op in ELEMENTWISE:
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
    for op in ELEMENTWISE:
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
@pytest.mark.parametrize("op", ELEMENTWISE)
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


@pytest.mark.parametrize("bordered", [True, False], ids=["border before", "none before"])
@pytest.mark.parametrize("border_after", [True, False], ids=["border after", "none after"])
@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("activation", {"activation": "tanh"}), ("batch_norm", {}), ("softmax", {}), ("add", {}), ("multiply", {}),
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
    two = NODE_TYPES[op].many
    for inputs in ((before, other), (other, before)) if two else ((before,),):
        result = network.add(op, *inputs, **attributes)
        readers.append(result)
        if border_after and len(network.shapes[result]) == 3:
            wide = {"filters": 3, "kernel_size": (2, 3), "padding": (0, 1, 2, 1)}
            readers.append(network.add("lookup_conv2d", result, **wide))
    check(network, outputs=readers)
    check(network)
