"""Whole networks, folded: the plan gives what it gives unfolded, whatever the network is."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from lcnn_engine import Net, read_model
from lcnn_engine.errors import ModelFormatError
from lcnn_engine.images.preprocessing import as_batch
from lcnn_engine.kernels import usable_variants
from lcnn_engine.model import reference
from lcnn_engine.model.graph import NODE_TYPES, Conv2D, Dense, Graph, Input, Node
from lcnn_engine.plan import Plan
from lcnn_engine.plan.folding import fold
from tests.helpers.folding import check_is_legal, empty, folded, sizes, thinned
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.one_operation import CASES, network_of
from tests.helpers.running import ROOT

SHIPPED = ROOT / "weights" / "mnist-alexnet-lcnn-fast.safetensors"
SAME = {"kernel_size": (3, 3), "padding": (1, 1, 1, 1)}

OPS: list[tuple[str, dict[str, Any]]] = [
    *[("lookup_conv2d", {"filters": 6, "activation": activation, **SAME}) for activation in ("relu", "tanh", "silu")],
    ("lookup_conv2d", {"filters": 5, "kernel_size": (2, 3), "padding": (0, 1, 2, 0), "strides": (2, 1)}),
    ("lookup_conv2d", {"filters": 6, "kernel_size": (2, 2), "activation": "relu"}),
    ("conv2d", {"filters": 6, "activation": "relu", **SAME}),
    ("conv2d", {"filters": 6, "kernel_size": (1, 1), "activation": "sigmoid"}),
    ("conv2d", {"filters": 6, "groups": 6, "activation": "relu", **SAME}),
    ("conv2d", {"filters": 4, "kernel_size": (3, 1), "dilation": (2, 1), "padding": (2, 2, 0, 0)}),
    ("max_pool2d", {"pool_size": (3, 3), "padding": (1, 1, 1, 1)}),
    ("avg_pool2d", {"pool_size": (2, 2), "strides": (2, 2), "padding": (0, 1, 0, 1)}),
    ("zero_pad2d", {"padding": (1, 0, 2, 0)}), ("global_avg_pool2d", {}), ("global_max_pool2d", {}), ("flatten", {}),
    ("dense", {"units": 6, "activation": "relu"}), ("lookup_dense", {"units": 6}), ("batch_norm", {}), ("softmax", {}),
    ("activation", {"activation": "relu"}), ("lrn", {"depth_radius": 1, "bias": 1.0, "alpha": 0.1, "beta": 0.75}),
    ("add", {}), ("add", {"activation": "relu6"}), ("multiply", {"activation": "tanh"}), ("concat", {}),
]  # fmt: skip


def random_network(seed: int, share: float) -> Network:
    """A network of 14 nodes, a ``share`` of whose filters is empty."""
    rng = seeded("folded", seed)
    size = tuple(int(n) for n in rng.integers(2, 14, 2))
    network = Network((*size, int(rng.integers(1, 7))), rng, k=int(rng.integers(0, 7)), density=0.5)
    for _ in range(300):
        op, attributes = OPS[rng.integers(len(OPS))]
        near = list(network.shapes)[-5:]
        inputs = rng.choice(near, rng.integers(2, 4) if NODE_TYPES[op].many else 1)
        try:
            network.add(op, *(str(name) for name in inputs), **attributes)
        except ModelFormatError:  # these inputs do not fit this operation
            continue
        if len(network.nodes) == 14:
            break
    thinned(network, share)
    return network


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    network = random_network(seed, 0.5)
    names = [node.name for node in network.nodes]
    folded(network)
    folded(network, str(network.rng.choice(names)), names[-1])
    smaller, _ = folded(network, *names)
    assert sizes(smaller) == {name: network.shapes[name][-1] for name in names}


def around(case: str, empty_filters: tuple[int, ...]) -> tuple[Graph, dict[str, np.ndarray]]:
    """One operation between two layers, the first with constants, the last one without weights for all channels."""
    own, tensors, _ = network_of(case)
    rng = seeded("around", case, empty_filters)
    kernels = {"image/kernel": rng.standard_normal((4, 3, 3, 3)), "image/bias": np.array([0.0, 1.5, -0.7, 0.2])}
    kernels["image/kernel"][list(empty_filters)] = 0
    first = Conv2D(name="image", inputs=("picture",), filters=4, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    shape = own.output_shape
    if len(shape) == 3:
        last: Node = Conv2D(name="last", inputs=(own.output,), filters=2, kernel_size=(2, 1), padding=(1, 0, 0, 0))
        kernels["last/kernel"] = rng.standard_normal((2, shape[-1], 2, 1))
    else:
        last = Dense(name="last", inputs=(own.output,), units=2)
        kernels["last/kernel"] = rng.standard_normal((2, shape[-1]))
    kernels["last/kernel"][:, ::3] = 0
    graph = Graph("around", Input("picture", (*own.input.shape[:2], 3)), "last", (first, *own.nodes, last))
    return graph, tensors | {name: array.astype(np.float32) for name, array in kernels.items()}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("empty_filters", [(1,), (0, 2), (0, 1, 2, 3)])
def test_every_operation_between_layers(case: str, empty_filters: tuple[int, ...]) -> None:
    graph, tensors = around(case, empty_filters)
    x = seeded("picture", case).standard_normal((1, *graph.input.shape)).astype(np.float32)
    expected = reference.evaluate(graph, tensors, x[0])
    before = graph.nodes[-2].name
    for outputs in (["last"], [before, "last"]):
        smaller, made = fold(graph, tensors, outputs)
        check_is_legal(graph, smaller, made, outputs)
        for variant in usable_variants():
            for name, found in results(Plan(graph, tensors, outputs=outputs, variant=variant), x).items():
                largest = max(np.abs(expected[name]).max(), 0.1)  # a constant less its mean is 0, but for rounding
                assert np.abs(found[0] - expected[name]).max() <= 1e-5 * largest, (name, variant)


@pytest.mark.parametrize("seed", range(20))
def test_random_networks_of_which_little_is_left(seed: int) -> None:
    folded(random_network(seed, 0.9))


def test_a_network_that_is_one_number_for_each_class() -> None:
    network = Network((9, 9, 3), seeded("one number"), k=5, density=0.4)
    network.add("lookup_conv2d", name="a", filters=8, activation="relu", **SAME)
    network.add("max_pool2d", pool_size=(2, 2), strides=(2, 2))
    network.add("conv2d", name="b", filters=8, **SAME)
    network.add("dense", network.add("flatten"), name="c", units=4)
    network.add("softmax")
    empty(network, "a", *range(8), bias=0.0)
    empty(network, "b", *range(8), bias=np.linspace(-1, 1, 8).tolist())
    assert sizes(folded(network)[0]) == {
        "a": 1, "max_pool2d_1": 1, "b": 1, "flatten_3": 16, "c": 4, "softmax_5": 4
    }  # fmt: skip


def test_nothing_to_fold_is_nothing_new() -> None:
    network = Network((9, 9, 3), seeded("nothing"), k=3, density=1.0)
    network.add("lookup_conv2d", name="a", filters=8, activation="relu", **SAME)
    network.add("conv2d", name="b", filters=8, **SAME)
    network.add("batch_norm")
    graph = network.graph()
    smaller, tensors = fold(graph, network.tensors, [graph.output])
    assert smaller is graph
    assert tensors is network.tensors


def test_tensors_of_the_model_are_not_written_to() -> None:
    network = random_network(3, 0.5)
    before = {name: array.copy() for name, array in network.tensors.items()}
    fold(network.graph(), network.tensors, [network.nodes[-1].name])
    assert all(np.array_equal(before[name], array) for name, array in network.tensors.items())


def test_a_net_keeps_the_graph_of_its_file() -> None:
    net = Net.load(SHIPPED)
    graph, tensors = read_model(SHIPPED)
    assert net.graph == graph
    restored = net.__reduce__()[1]
    assert restored[0] == graph
    assert {name: array.shape for name, array in restored[1].items()} == {
        name: array.shape for name, array in tensors.items()
    }


def test_the_shipped_network_computes_two_thirds() -> None:
    graph, tensors = read_model(SHIPPED)
    made = [sum(step.multiplications for step in Plan(graph, tensors, folding=on).steps) for on in (False, True)]
    assert made == [13_305_423, 9_317_566]
    text = str(Plan(graph, tensors))
    assert "55x55x28" in text
    assert "55x55x64" not in text


def results(plan: Plan, x: np.ndarray, threads: int = 1) -> dict[str, np.ndarray]:
    """What a plan gives, by name."""
    arrays = [np.empty((len(x), *shape), np.float32) for shape in plan.output_shapes]
    assert plan.run(x, arrays, threads)
    return dict(zip(plan.outputs, arrays, strict=True))


@pytest.mark.parametrize("variant", usable_variants())
def test_the_shipped_network_gives_the_same(variant: str) -> None:
    graph, tensors = read_model(SHIPPED)
    digits = sorted((ROOT / "tests" / "data" / "digits").glob("*.png"))
    x, _ = as_batch(digits, graph.input.shape, graph.preprocessing)
    last, nodes = graph.output, list(graph.by_name)
    expected = results(Plan(graph, tensors, outputs=nodes, variant=variant, folding=False), x[:6])
    for outputs in ([last], ["conv2", "fc7", last], nodes):
        found = results(Plan(graph, tensors, outputs=outputs, variant=variant), x[:6])
        for name, array in found.items():
            assert np.abs(array - expected[name]).max() <= 1e-5 * np.abs(expected[name]).max(), name
    plan, unfolded = (Plan(graph, tensors, variant=variant, folding=on) for on in (True, False))
    found = results(plan, x)[last]
    assert np.abs(found - results(unfolded, x)[last]).max() <= 1e-6
    for i in range(3):
        assert results(plan, x[i : i + 1], threads=2)[last].tobytes() == found[i : i + 1].tobytes()


def test_so_many_channels_are_not_looked_at() -> None:
    """A file of a few bytes may have any number of them."""
    network = Network((1100, 1000, 1), seeded("channels"), k=1, density=1e-6)
    network.add("flatten", name="last")
    network.add("lookup_conv2d", "image", filters=2, kernel_size=(9, 9), name="layer")
    graph, tensors = network.graph(), network.tensors
    tracemalloc.start()
    found = fold(graph, tensors, ["last", "layer"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found[0] is graph
    assert peak < 1e6
