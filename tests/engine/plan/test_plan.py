"""The plan: memory, phases, and legal graphs at the edges of what there is to plan."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from lcnn_engine import InputError, Net
from lcnn_engine.model import reference
from lcnn_engine.model.graph import (
    LRN,
    Activation,
    Add,
    Conv2D,
    Dense,
    Flatten,
    LookupConv2D,
    LookupDense,
    MaxPool2D,
    Multiply,
)
from lcnn_engine.plan import Plan
from lcnn_engine.plan.machine import Machine
from tests.helpers.networks import chain, images, with_tensors


def test_a_chain_of_activations_needs_the_memory_of_one():
    def arena(nodes: int) -> int:
        ops = ("relu", "sigmoid")
        chained = [Activation(name=f"a{i}", inputs=(f"a{i - 1}" if i else "image",), activation=ops[i % 2])
                   for i in range(nodes)]  # fmt: skip
        return Plan(chain(chained, (20, 20, 8)), {}).arena_bytes

    assert arena(9) == arena(2)


@pytest.mark.parametrize("draw", range(30))
def test_what_is_read_later_is_not_written_over(draw):
    """Random graphs of what may lie where its input did, some of it wanted outside, some with a border."""
    rng = np.random.default_rng(draw)
    nodes, names = [], ["image"]
    for i in range(12):
        near, any_ = names[-int(rng.integers(1, min(3, len(names)) + 1))], names[int(rng.integers(len(names)))]
        op = rng.choice(["activation", "add", "multiply", "conv"])
        if op == "activation":
            node = Activation(name=f"n{i}", inputs=(near,), activation="leaky_relu", alpha=0.5)
        elif op == "conv":
            node = Conv2D(name=f"n{i}", inputs=(near,), filters=4, kernel_size=(3, 3), padding=(1, 1, 1, 1))
        else:
            node = (Add if op == "add" else Multiply)(name=f"n{i}", inputs=(near, any_), activation="tanh")
        nodes.append(node)
        names.append(node.name)
    graph, tensors = with_tensors(chain(nodes, (9, 7, 4)), {})
    wanted = [f"n{i}" for i in sorted(rng.choice(11, size=2, replace=False))] + ["n11"]
    x = images(graph)[:1]
    plan = Plan(graph, tensors, outputs=wanted)
    found = [np.empty((1, *shape), np.float32) for shape in plan.output_shapes]
    assert plan.run(x, found, 1)
    expected = reference.evaluate(graph, tensors, x[0])
    for name, array in zip(wanted, found, strict=True):
        assert np.abs(array[0] - expected[name]).max() <= 1e-5 * np.abs(expected[name]).max(), name


def test_many_nodes_are_planned_in_seconds():
    nodes = [
        Activation(name=f"a{i}", inputs=(f"a{i - 1}" if i else "image",), activation="relu") for i in range(20_000)
    ]
    graph = chain(nodes, (1, 1, 4))
    start = time.perf_counter()
    net = Net(graph, {})
    assert time.perf_counter() - start < 20
    assert np.array_equal(net.run(images(graph)[0]), np.maximum(images(graph)[0], 0))


def agrees(graph, tensors) -> bool:
    x = images(graph)[0]
    expected = reference.evaluate(graph, tensors, x)[graph.output]
    return bool(np.abs(Net(graph, tensors).run(x) - expected).max() <= 1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("strides", [(30_000, 30_000), (2**31 - 1, 1), (3, 2**31 - 1)])
def test_strides_beyond_the_image_take_no_memory(strides):
    node = LookupConv2D(name="conv", inputs=("image",), filters=3, kernel_size=(2, 2), strides=strides)
    assert agrees(*with_tensors(chain([node], (5, 6, 2)), density=0.5))


def test_only_phases_that_lookups_fall_on_are_split():
    node = LookupConv2D(name="conv", inputs=("image",), filters=1, kernel_size=(4, 4), strides=(4, 4))
    graph, tensors = with_tensors(chain([node], (32, 32, 1)), {"conv": None})
    for positions in ([5], [0, 5, 15]):
        tensors["conv/indices"] = np.array(positions, np.int32)
        tensors["conv/indptr"] = np.array([0, len(positions)], np.int32)
        tensors["conv/coefficients"] = np.ones(len(positions), np.float32)
        assert agrees(graph, tensors)


@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 1, 1, 1)])
def test_a_dictionary_without_atoms(padding):
    node = LookupConv2D(name="conv", inputs=("image",), filters=3, kernel_size=(3, 3), padding=padding)
    graph, tensors = with_tensors(chain([node], (5, 6, 2)), density=0)
    tensors["conv/dictionary"] = np.zeros((0, 2), np.float32)
    assert agrees(graph, tensors)


def test_a_dense_dictionary_without_atoms():
    nodes = [Flatten(name="flat", inputs=("image",)), LookupDense(name="fc", inputs=("flat",), units=4)]
    graph, tensors = with_tensors(chain(nodes, (2, 2, 2)), density=0)
    tensors["fc/dictionary"] = np.zeros((0, 8), np.float32)
    assert agrees(graph, tensors)


def test_memory_is_shared_along_a_chain():
    nodes = [
        MaxPool2D(name=f"pool{i}", inputs=(f"pool{i - 1}" if i else "image",), pool_size=(3, 3), padding=(1, 1, 1, 1))
        for i in range(20)
    ]
    graph = chain(nodes, (64, 64, 8))
    assert Plan(graph, {}).arena_bytes < 4 * 64 * 64 * 8 * 4


def test_rows_of_narrow_images_are_no_border_for_the_most_part():
    pool = MaxPool2D(name="pool", inputs=("relu",), pool_size=(2, 1), strides=(2, 1))
    graph = chain([Activation(name="relu", inputs=("image",), activation="relu"), pool], (4000, 1, 2))
    assert Plan(graph, {}).arena_bytes < 4 * 3 * 4000 * 2


def test_more_results_than_a_small_network_has_nodes():
    nodes = [
        Activation(name=f"a{i}", inputs=(f"a{i - 1}" if i else "image",), activation="sigmoid") for i in range(1500)
    ]
    graph = chain(nodes, (2, 1, 3))
    x = images(graph)[0]
    expected = reference.evaluate(graph, {}, x)
    for name, found in Net(graph, {}).features(x, [node.name for node in nodes]).items():
        np.testing.assert_allclose(found, expected[name], rtol=1e-5)


def planned_with(graph, tensors) -> tuple[int, int]:
    """Bytes that a plan keeps, and the most that making it takes."""
    tracemalloc.start()
    try:
        plan = Plan(graph, tensors)
        kept, most = tracemalloc.get_traced_memory()
        del plan
        return kept, most
    finally:
        tracemalloc.stop()


def test_a_plan_keeps_lookups_once():
    node = LookupConv2D(name="conv", inputs=("image",), filters=64, kernel_size=(3, 3))
    graph, tensors = with_tensors(chain([node], (5, 5, 512)), {"conv": None}, density=1)
    kept, _ = planned_with(graph, tensors)
    assert kept < 1.2 * sum(array.nbytes for array in tensors.values())


@pytest.mark.parametrize(
    "node",
    [
        Dense(name="layer", inputs=("flat",), units=64),
        Conv2D(name="layer", inputs=("image",), filters=64, kernel_size=(3, 3), padding=(1, 1, 1, 1)),
    ],
    ids=lambda node: node.op,
)
def test_weights_are_packed_where_they_stay(node):
    nodes = [Flatten(name="flat", inputs=("image",)), node] if node.inputs == ("flat",) else [node]
    graph, tensors = with_tensors(chain(nodes, (3, 3, 2000)))
    _, most = planned_with(graph, tensors)
    assert most < 1.2 * tensors["layer/kernel"].nbytes
    assert agrees(graph, tensors)


def test_tensors_that_change_after_loading_change_nothing():
    nodes = [
        LookupConv2D(name="conv", inputs=("image",), filters=4, kernel_size=(3, 3)),
        Conv2D(name="dense", inputs=("conv",), filters=40, kernel_size=(2, 2)),
    ]
    graph, tensors = with_tensors(chain(nodes, (7, 6, 3)))
    net, x = Net(graph, tensors), images(graph)[0]
    expected = net.run(x)
    for array in tensors.values():
        array[...] = 2**30
    assert np.array_equal(net.run(x), expected)


def test_arrays_that_lie_askew():
    graph = chain([Activation(name="relu", inputs=("image",), activation="relu")], (5, 7, 3))
    net, x = Net(graph, {}), images(graph)[0]
    askew = np.zeros(x.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(x.shape)
    askew[...] = x
    assert not askew.flags.aligned
    assert np.array_equal(net.run(askew), net.run(x))
    with pytest.raises(InputError, match="aligned"):
        net.run(x, out=askew)


@pytest.mark.parametrize("radius", [8, 9, 40, 2**31 - 1])
def test_wide_windows_of_lrn_slide(radius):
    node = LRN(name="lrn", inputs=("image",), depth_radius=radius, bias=1.0, alpha=0.1, beta=0.75)
    assert agrees(chain([node], (3, 5, 60)), {})


def test_lrn_over_all_channels_takes_no_square_of_them():
    node = LRN(name="lrn", inputs=("image",), depth_radius=50_000, bias=1.0, alpha=0.1, beta=1.0)
    graph = chain([node], (1, 1, 100_000))
    net = Net(graph, {})
    start = time.perf_counter()
    net.run(images(graph)[0])
    assert time.perf_counter() - start < 5


def test_plans_compare_by_what_they_run():
    node = LookupConv2D(name="conv", inputs=("image",), filters=4, kernel_size=(3, 3))
    graph, tensors = with_tensors(chain([node], (9, 9, 3)))
    plan = Plan(graph, tensors)
    assert plan == Plan(graph, {name: array.copy() for name, array in tensors.items()})
    assert plan != Plan(graph, tensors, variant="scalar") or plan.variant == "scalar"
    assert plan != Plan(graph, tensors, machine=Machine(gather_pixels=10**6))
    assert plan != Plan(graph, {**tensors, "conv/coefficients": 2 * tensors["conv/coefficients"]})
    assert plan != "plan"
