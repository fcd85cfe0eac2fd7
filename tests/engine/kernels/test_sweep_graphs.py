"""The sweep of ``test_kernel_sweep`` for whole networks: real shapes, branches, values that live long."""

from __future__ import annotations

from typing import Any

import pytest

from lcnn_engine.model.graph import NODE_TYPES
from lcnn_engine.plan.machine import Machine
from tests.helpers.kernel_cases import Network, check, seeded, with_alpha
from tests.helpers.random_networks import random_network

# ----------------------------------------------------------------------------------------------- threads, real shapes


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("activation", {"activation": "sigmoid"}), ("batch_norm", {}), ("softmax", {}), ("add", {}), ("multiply", {}),
        ("subtract", {}), ("divide", {}), ("maximum", {}), ("minimum", {}), ("prelu", {}), ("log_softmax", {}),
        ("layer_norm", {"epsilon": 1e-3}), ("group_norm", {"epsilon": 1e-3, "groups": 7}),
        ("channel_max", {}), ("channel_mean", {}), ("constant", {"shape": (47, 45, 21)}),
        ("concat", {}), ("zero_pad2d", {"padding": (1, 2, 3, 0)}), ("flatten", {}),
        ("max_pool2d", {"pool_size": (3, 3), "strides": (2, 2)}), ("avg_pool2d", {"pool_size": (2, 3)}),
        ("global_avg_pool2d", {}), ("global_max_pool2d", {}),
        ("lrn", {"depth_radius": 2, "bias": 1.0, "alpha": 1e-4, "beta": 0.75}),
        ("conv2d", {"filters": 50, "kernel_size": (3, 3), "strides": (2, 1)}),
        ("lookup_conv2d", {"filters": 50, "kernel_size": (3, 3), "strides": (1, 2), "padding": (1, 1, 1, 1)}),
        ("pad2d", {"padding": (1, 2, 3, 0), "mode": "reflect"}), ("crop2d", {"cropping": (1, 2, 3, 0)}),
        ("resize2d", {"size": (60, 90), "method": "bilinear"}), ("resize2d", {"size": (94, 33), "method": "nearest"}),
        ("space_to_depth", {"block_size": 1}), ("take_channels", {"channels": 30}), ("permute", {"axes": (2, 0, 1)}),
        ("reshape", {"shape": (45, 21, 47)}), ("depth_to_space", {"block_size": 1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_steps_large_enough_to_be_shared_by_threads(op: str, attributes: dict[str, Any]) -> None:
    network = Network((47, 45, 21), seeded("shared", op), k=12, density=0.1)
    second = network.add_positive() if op == "divide" else network.add("batch_norm")
    inputs = ("image", second)[: 2 if NODE_TYPES[op].many else NODE_TYPES[op].count]
    network.add(op, *inputs, **attributes)
    if len(network.shapes[network.nodes[-1].name]) == 1:
        network.add("dense", units=200)
    check(network)


def test_alexnets_shapes() -> None:
    network = Network((224, 224, 3), seeded("alexnet"), k=3, density=0.05)
    conv = {"activation": "relu", "padding": (1, 1, 1, 1), "kernel_size": (3, 3)}
    pool = {"pool_size": (3, 3), "strides": (2, 2)}
    network.add("lookup_conv2d", filters=64, **conv | {"kernel_size": (11, 11), "padding": (2,) * 4}, strides=(4, 4))
    network.add("max_pool2d", **pool)
    network.k = 30
    network.add("lookup_conv2d", filters=192, **conv | {"kernel_size": (5, 5), "padding": (2,) * 4})
    network.add("max_pool2d", **pool)
    network.add("lookup_conv2d", filters=384, **conv)
    network.k = 500
    network.add("lookup_conv2d", filters=256, **conv)
    network.add("lookup_conv2d", filters=256, **conv)
    network.add("max_pool2d", **pool)
    network.k = 512
    network.add("lookup_conv2d", filters=256, kernel_size=(6, 6), activation="relu")
    network.add("flatten")
    network.add("dense", units=1000)
    network.add("softmax")
    check(network)
    check(network, outputs=[node.name for node in network.nodes])


def test_resnets_shapes() -> None:
    network = Network((96, 96, 3), seeded("resnet"), k=16, density=0.1)
    network.add("conv2d", filters=32, kernel_size=(7, 7), strides=(2, 2), padding=(3, 2, 3, 2), activation="relu")
    network.add("max_pool2d", pool_size=(3, 3), strides=(2, 2), padding=(0, 1, 0, 1))
    for filters, stride in ((32, 1), (64, 2), (128, 2)):
        block = network.nodes[-1].name
        first = {"strides": (stride, stride), "padding": (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1)}
        network.add("lookup_conv2d", block, filters=filters, kernel_size=(3, 3), activation="relu", **first)
        last = network.add("lookup_conv2d", filters=filters, kernel_size=(3, 3), padding=(1, 1, 1, 1))
        if stride != 1:
            block = network.add("conv2d", block, filters=filters, kernel_size=(1, 1), strides=(stride, stride))
        network.add("add", last, block, activation="relu")
    network.add("global_avg_pool2d")
    network.add("dense", units=10)
    check(network)
    check(network, outputs=[node.name for node in network.nodes])


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


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    network = random_network(seeded("random", seed))
    check(network)
    check(network, outputs=[node.name for node in network.nodes])


POOLS = [(3, 2, 0), (3, 2, 1), (2, 2, 0), (3, 1, 1), (2, 3, 0), (1, 2, 0), (5, 3, 2), (7, 7, 3)]


@pytest.mark.parametrize(("size", "stride", "padding"), POOLS)
@pytest.mark.parametrize("op", ["lookup_conv2d", "conv2d"])
@pytest.mark.parametrize("band_bytes", [1, 6000, 20000])
def test_pools_by_bands_of_rows(op: str, size: int, stride: int, padding: int, band_bytes: int) -> None:
    for kind, strides, shape in (("max_pool2d", (1, 1), (19, 23, 3)), ("avg_pool2d", (2, 2), (33, 27, 3))):
        network = Network(shape, seeded("bands", op, size, stride, padding, band_bytes, kind))
        network.add(op, filters=18, kernel_size=(3, 3), strides=strides, padding=(1, 1, 1, 1), activation="relu")
        network.add(kind, pool_size=(size, size), strides=(stride, stride), padding=(padding,) * 4)
        network.add("lookup_conv2d", filters=5, kernel_size=(3, 3), padding=(1, 1, 1, 1))
        check(network, machine=Machine(band_bytes=band_bytes))


def test_a_pool_runs_alone_where_others_read_its_input() -> None:
    network = Network((9, 11, 3), seeded("read twice"))
    first = network.add("lookup_conv2d", filters=6, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="sigmoid")
    pool = network.add("max_pool2d", pool_size=(3, 3), strides=(1, 1), padding=(1, 1, 1, 1))
    network.add("add", first, pool)
    check(network, outputs=[first, network.nodes[-1].name])
