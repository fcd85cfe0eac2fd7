"""Which channels stay: what belongs together goes together, and what somebody wants stays whole."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np

from lcnn_engine.model.graph import Add, Concat, Conv2D, Flatten, Graph, Node
from lcnn_engine.plan.folding import fold
from lcnn_engine.plan.folding.channels import MAX_SWEEPS
from tests.helpers.folding import empty, folded, sizes
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.networks import chain, with_tensors

SAME = {"kernel_size": (3, 3), "padding": (1, 1, 1, 1)}


def test_terms_of_a_sum_keep_the_same_channels() -> None:
    network = Network((7, 8, 3), seeded("sum"), k=6, density=0.5)
    network.add("lookup_conv2d", name="a", filters=6, **SAME)
    network.add("lookup_conv2d", name="b", filters=6, **SAME)
    network.add("add", "a", "b", name="sum", activation="relu")
    network.add("conv2d", name="c", filters=4, **SAME)
    empty(network, "a", 0, 1, 5, bias=[0.0, -1.0, 1.0])
    empty(network, "b", 1, 2, 5, bias=[-0.5, 0.0, -2.0])
    network.add("conv2d", "a", name="d", filters=4, **SAME)
    network.tensors["b/dictionary"][:, 5] = 0
    network.tensors["d/kernel"][:, 1] = 0
    network.add("add", "c", "d")
    smaller, _ = folded(network)
    assert sizes(smaller)["a"] == sizes(smaller)["b"] == sizes(smaller)["sum"] == 5  # 1 is 0 in both; 5 is, too, ...
    assert sizes(smaller)["c"] == 4  # ... but in `a` alone it is 1, and `d` reads it with a border


def test_a_block_of_a_residual_network() -> None:
    network = Network((8, 8, 5), seeded("residual"), k=7, density=0.4)
    for block in range(3):
        source = network.nodes[-1].name if network.nodes else network.add("conv2d", filters=8, **SAME, name="stem")
        network.add("lookup_conv2d", source, name=f"a{block}", filters=8, activation="relu", **SAME)
        network.add("lookup_conv2d", name=f"b{block}", filters=8, **SAME)
        network.add("add", source, f"b{block}", activation="relu")
        empty(network, f"a{block}", 1, 2, 7, bias=[0.0, -0.3, 0.4])
        empty(network, f"b{block}", 0, 7, bias=[0.0, -5.0])
    empty(network, "stem", 7, bias=0.0)  # dark all along
    network.add("dense", network.add("global_avg_pool2d"), units=3)
    smaller, _ = folded(network)
    assert [sizes(smaller)[f"a{block}"] for block in range(3)] == [6, 6, 6]
    assert [sizes(smaller)[f"b{block}"] for block in range(3)] == [7, 7, 7]


def test_concat_and_flatten_carry_them() -> None:
    network = Network((4, 5, 3), seeded("concat"), k=4, density=0.5)
    network.add("lookup_conv2d", "image", name="a", filters=4, **SAME)
    network.add("conv2d", "image", name="b", filters=5, **SAME)
    network.add("concat", "b", "a", "b", name="both")
    network.add("batch_norm", name="norm")
    network.add("dense", network.add("flatten"), name="d", units=3)
    empty(network, "a", 0, 3)
    empty(network, "b", 2)
    network.tensors["norm/scale"][11] = 0  # the third use of `b`: its channel 2, and here the same again
    assert sizes(folded(network)[0]) == {"a": 2, "b": 4, "both": 10, "norm": 10, "flatten_4": 200, "d": 3}


def test_a_depthwise_convolution_goes_with_its_channels() -> None:
    network = Network((8, 9, 3), seeded("depthwise"))
    network.add("conv2d", name="a", filters=6, kernel_size=(1, 1), activation="relu6")
    network.add("conv2d", name="b", filters=6, groups=6, activation="relu6", **SAME)
    network.add("conv2d", name="c", filters=4, kernel_size=(1, 1))
    empty(network, "a", 0, 1, bias=[0.0, 1.0])
    empty(network, "b", 4, bias=0.5)
    smaller, tensors = folded(network)
    assert sizes(smaller) == {"a": 4, "b": 4, "c": 4}
    assert smaller["b"].groups == 4
    assert tensors["b/kernel"].shape == (4, 1, 3, 3)


def test_what_reads_channels_by_their_places_keeps_all() -> None:
    for op, attributes in (
        ("softmax", {}),
        ("lrn", {"depth_radius": 2, "bias": 1.0, "alpha": 0.1, "beta": 0.75}),
        ("conv2d", {"groups": 3, "filters": 6, "kernel_size": (1, 1)}),
    ):
        network = Network((6, 5, 3), seeded("places", op))
        network.add("conv2d", name="a", filters=6, **SAME)
        network.add(op, **attributes)
        network.add("conv2d", name="c", filters=4, kernel_size=(1, 1))
        empty(network, "a", 0, 1, bias=[0.0, 1.0])
        assert sizes(folded(network)[0])["a"] == 6


def test_of_a_layer_that_nobody_reads_a_constant_stays() -> None:
    """So that what comes before it goes, too."""
    network = Network((6, 5, 3), seeded("nobody"))
    network.add("conv2d", name="a", filters=6, **SAME)
    network.add("conv2d", name="b", filters=6, **SAME)
    network.add("conv2d", name="c", filters=4, **SAME)
    empty(network, "b", 2)
    empty(network, "c", 0, 1, 2, 3)
    assert sizes(folded(network)[0]) == {"a": 1, "b": 1, "c": 4}


def test_nodes_that_nobody_needs_ask_for_nothing() -> None:
    network = Network((6, 5, 3), seeded("unneeded"))
    network.add("conv2d", name="a", filters=6, **SAME)
    network.add("softmax", "a", name="unneeded")
    network.add("conv2d", "a", name="c", filters=4, kernel_size=(1, 1))
    empty(network, "a", 0, 1, bias=[0.0, 1.0])
    smaller, _ = folded(network)
    assert sizes(smaller) == {"a": 4, "c": 4}
    assert sizes(folded(network, "c", "unneeded")[0])["a"] == 6


def test_a_long_chain_of_ties_takes_no_time() -> None:
    """Each sum ties its terms, so all layers have the channels of all."""
    nodes: list[Node] = [Conv2D(name="conv0", inputs=("image",), filters=8, kernel_size=(1, 1))]
    for i in range(1, 1000):
        before = nodes[-1].name
        nodes.append(Conv2D(name=f"conv{i}", inputs=(before,), filters=8, kernel_size=(1, 1)))
        nodes.append(Add(name=f"add{i}", inputs=(f"conv{i}", before)))
    last = Conv2D(name="last", inputs=(nodes[-1].name,), filters=2, kernel_size=(1, 1))
    graph, tensors = with_tensors(chain([*nodes, last], (2, 2, 4)))
    for i in range(1000):
        for tensor in ("kernel", "bias"):
            tensors[f"conv{i}/{tensor}"][:3] = 0
    start = time.perf_counter()
    smaller, _ = fold(graph, tensors, ["last"])
    assert time.perf_counter() - start < 10
    assert {size for name, size in sizes(smaller).items() if name != "last"} == {5}
    assert fold(graph, tensors, ["add999"])[0] is graph  # which is one of them, and keeps all


def ties_against_the_order(count: int) -> tuple[Graph, dict[str, np.ndarray]]:
    """Layers that each need what the one before does, by a sum, but are asked before it."""
    nodes: list[Node] = []
    for i in range(count + 1):
        nodes.append(Conv2D(name=f"source{i}", inputs=("image",), filters=4, kernel_size=(1, 1)))
        nodes.append(Conv2D(name=f"layer{i}", inputs=(f"source{i}",), filters=4, kernel_size=(1, 1)))
    nodes += [Add(name=f"sum{i}", inputs=(f"source{i}", f"layer{i + 1}")) for i in range(count)]
    nodes.append(Concat(name="all", inputs=("layer0", *(f"sum{i}" for i in range(count)))))
    nodes.append(Conv2D(name="last", inputs=("all",), filters=2, kernel_size=(1, 1)))
    graph, tensors = with_tensors(chain(nodes, (2, 1, 4)))
    for i in range(count + 1):
        tensors[f"layer{i}/kernel"] *= np.eye(4, dtype=np.float32)[..., None, None]
    tensors["last/kernel"][:, 3:] = 0
    return graph, tensors


def test_what_is_found_out_late_counts() -> None:
    graph, tensors = ties_against_the_order(20)
    smaller, _ = fold(graph, tensors, ["last"])
    assert {smaller.shapes[f"layer{i}"][-1] for i in range(21)} == {3}


def test_a_graph_without_an_end_in_sight_is_left_as_it_is() -> None:
    graph, tensors = ties_against_the_order(2 * MAX_SWEEPS)
    assert fold(graph, tensors, ["last"])[0] is graph


def test_more_channels_than_any_network_has_are_not_looked_at() -> None:
    """A flattened image of 5 million pixels is legal, and would take gigabytes."""
    nodes: list[Node] = [
        Conv2D(name="a", inputs=("image",), filters=2, kernel_size=(1, 1)),
        Flatten(name="flat", inputs=("a",)),
    ]
    graph, tensors = with_tensors(chain(nodes, (1600, 1600, 1)))
    tensors["a/kernel"][0] = 0
    tracemalloc.start()
    try:
        assert fold(graph, tensors, ["flat"])[0] is graph
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
