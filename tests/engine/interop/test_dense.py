"""Dense equivalents: kernels by hand, the same function in ordinary layers, and the names of before."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.interop import dense
from lcnn_engine.interop.dense import dense_equivalent, dense_kernel, two_layer_equivalent, with_dense_layers
from lcnn_engine.model.graph import Graph, LookupConv2D, Node
from lcnn_engine.model.reference import evaluate
from tests.helpers.kernel_cases import Network, seeded


def lookup_network() -> Network:
    """A lookup convolution, one without a dictionary that reads a name which D could have, and a lookup layer."""
    network = Network((7, 9, 4), seeded("dense equivalent"))
    network.add("lookup_conv2d", name="conv", filters=8, kernel_size=(3, 2), strides=(2, 1), padding=(1, 0, 2, 1))
    network.add("conv2d", name="last_dictionary", filters=3, kernel_size=(1, 1))
    network.k = 0
    network.add("lookup_conv2d", name="pruned", filters=5, kernel_size=(1, 1), activation="relu")
    network.add("flatten", name="flat")
    network.k = 7
    network.add("lookup_dense", name="last", units=6)
    return network


def values(graph: Graph, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    x = np.random.default_rng(8).standard_normal(graph.input.shape, dtype=np.float32)
    return evaluate(graph, tensors, x)


def test_kernel_of_a_lookup_layer_by_hand() -> None:
    """Two filters, two atoms of three channels, a 1x2 kernel: W[o, :, r, c] = sum of C * D[I]."""
    node = LookupConv2D(name="op", inputs=("image",), filters=2, kernel_size=(1, 2))
    tensors = {
        "op/dictionary": np.array([[1, 2, 3], [10, 20, 30]], np.float32),
        "op/indptr": np.array([0, 3, 3], np.int32),
        "op/indices": np.array([0, 1, 3], np.int32),  # (r*kw + c)*k + d
        "op/coefficients": np.array([2, 1, -1], np.float32),
    }
    kernel = dense_kernel(node, tensors, channels=3)
    assert kernel.shape == (2, 3, 1, 2)
    assert kernel[0, :, 0, 0].tolist() == [12, 24, 36]
    assert kernel[0, :, 0, 1].tolist() == [-10, -20, -30]
    assert not kernel[1].any()


def test_a_kernel_in_pieces_is_the_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    network = lookup_network()
    conv = network.nodes[0]
    whole = dense_kernel(conv, network.tensors, channels=4)
    monkeypatch.setattr(dense, "PIECE", 1)
    np.testing.assert_array_equal(dense_kernel(conv, network.tensors, channels=4), whole)


def test_dense_equivalent_computes_the_same() -> None:
    network = lookup_network()
    graph, tensors = network.graph(), network.tensors
    equivalent, weights = dense_equivalent(graph, tensors)
    assert [node.op for node in equivalent.nodes] == ["conv2d", "conv2d", "conv2d", "flatten", "dense"]
    assert [node.name for node in equivalent.nodes] == [node.name for node in graph.nodes]
    layers = ("conv", "last_dictionary", "pruned", "last")
    assert set(weights) == {f"{layer}/{tensor}" for layer in layers for tensor in ("kernel", "bias")}
    expected, found = values(graph, tensors), values(equivalent, weights)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5 * np.abs(value).max())


def test_two_layer_equivalent_computes_the_same() -> None:
    """D comes before P under a name that is free; a layer without a dictionary stays one."""
    network = lookup_network()
    graph, tensors = network.graph(), network.tensors
    equivalent, weights = two_layer_equivalent(graph, tensors)
    assert [node.name for node in equivalent.nodes] == [
        "conv_dictionary", "conv", "last_dictionary", "pruned", "flat", "last_dictionary_", "last",
    ]  # fmt: skip
    assert weights["conv_dictionary/kernel"].shape == (5, 4, 1, 1)
    assert weights["conv/kernel"].shape == (8, 5, 3, 2)
    assert weights["last_dictionary_/kernel"].shape == (7, tensors["last/dictionary"].shape[1])
    equivalent.check()
    expected, found = values(graph, tensors), values(equivalent, weights)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5 * np.abs(value).max())


def test_dense_layers_with_kernels_of_the_callers() -> None:
    shapes: dict[str, tuple[int, ...]] = {}

    def kernel(node: Node, shape: tuple[int, ...]) -> np.ndarray:
        shapes[node.name] = shape
        return np.zeros(shape, np.float32)

    network = lookup_network()
    graph, weights = with_dense_layers(network.graph(), network.tensors, "empty", kernel)
    assert graph.name == "case-empty"
    assert shapes == {"conv": (8, 4, 3, 2), "pruned": (5, 3, 1, 1), "last": (6, graph.shapes["flat"][0])}
    assert not weights["conv/kernel"].any()


@pytest.mark.parametrize(("old", "new"), [
    ("as_dense", "dense_equivalent"), ("as_two_layers", "two_layer_equivalent"), ("Network", "GraphAndTensors"),
])  # fmt: skip
def test_names_of_before_still_work(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{old} is now called {new}"):
        assert getattr(dense, old) is getattr(dense, new)
    assert not hasattr(dense, "as_sparse")
