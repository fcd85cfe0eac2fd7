"""Lookup layers multiplied out: the weights, the network, and the numbers, in every variant and precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.interop.dense import dense_kernel
from lcnn_engine.model.graph import Conv2D, Dense, Graph, Input, LookupConv2D
from lcnn_engine.plan import Plan, planned
from lcnn_engine.plan.multiplying import dense_weights, multiplied_out, with_room
from tests.helpers.kernel_cases import Network, check, seeded

PRECISIONS = ("float32", "bfloat16", "int8")
LAYERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "strided": {"strides": (2, 1), "padding": (1, 0, 2, 1)},
    "dilated": {"dilation": (2, 2)},
    "pruned": {"k": 0},
    "one atom": {"k": 1, "density": 0.6},
    "of one channel": {"channels": 1, "k": 4},
    "dense lookups": {"k": 20, "density": 0.9},
    "few lookups": {"density": 0.01},
    "in groups": {"groups_of": 16, "filters": 40},
    "of pairs": {"groups_of": 16, "atoms_of": 2, "filters": 32, "k": 8},
    "one pixel": {"size": (3, 3)},
}


def _network(size: tuple[int, int] = (9, 11), channels: int = 6, filters: int = 9, **given: Any) -> Network:
    of_network = {key: given.pop(key) for key in ("k", "density", "groups_of", "atoms_of") if key in given}
    network = Network((*size, channels), seeded("multiplied", str(given), str(of_network)), **of_network)
    network.add("lookup_conv2d", filters=filters, kernel_size=(3, 3), activation="relu", name="layer", **given)
    network.add("max_pool2d", pool_size=(1, 1), name="pool")
    return network


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("multiplied", [(), ("layer",)], ids=["lookups", "multiplied out"])
@pytest.mark.parametrize("layer", LAYERS)
def test_either_way_is_the_definition(layer: str, multiplied: tuple[str, ...], precision: str) -> None:
    check(_network(**LAYERS[layer]), multiplied=multiplied, precision=precision)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("multiplied", [(), ("layer",)], ids=["lookups", "multiplied out"])
@pytest.mark.parametrize("k", [0, 7])
def test_either_way_of_a_vector_is_the_definition(k: int, multiplied: tuple[str, ...], precision: str) -> None:
    network = Network((24,), seeded("vector", k), k=k)
    network.add("lookup_dense", units=33, activation="relu", name="layer")
    network.add("softmax")
    check(network, multiplied=multiplied, precision=precision)


@pytest.mark.parametrize("layer", LAYERS)
def test_weights_are_those_of_the_dense_equivalent(layer: str) -> None:
    network = _network(**LAYERS[layer])
    node, channels = network.nodes[0], network.shape[-1]
    found = dense_weights(node, network.tensors, channels)
    expected = dense_kernel(node, network.tensors, channels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max(initial=0))


def test_only_what_is_named_becomes_dense() -> None:
    network = _network()
    network.add("lookup_conv2d", filters=4, kernel_size=(2, 2), name="other")
    network.add("flatten")
    network.add("lookup_dense", units=5, name="vector")
    graph, tensors = multiplied_out(network.graph(), network.tensors, ["layer", "vector", "pool", "none such"])
    assert [type(graph[name]) for name in ("layer", "other", "vector")] == [Conv2D, LookupConv2D, Dense]
    assert tensors["layer/kernel"].shape == (9, 6, 3, 3)
    assert tensors["layer/bias"] is network.tensors["layer/bias"]
    assert not {"layer/dictionary", "layer/indptr", "vector/indices"} & set(tensors)
    assert "other/dictionary" in tensors
    assert "layer/dictionary" in network.tensors  # the caller's are as they were
    assert multiplied_out(network.graph(), network.tensors, ["pool"])[1] is network.tensors


def test_weights_that_would_be_no_numbers_stay_lookups() -> None:
    network = _network(density=0.9)
    network.tensors["layer/dictionary"] = np.full_like(network.tensors["layer/dictionary"], 3e38)
    network.tensors["layer/coefficients"] = np.full_like(network.tensors["layer/coefficients"], 1e30)
    graph, tensors = multiplied_out(network.graph(), network.tensors, ["layer"])
    assert graph is not None
    assert tensors is network.tensors
    assert Plan(network.graph(), network.tensors, multiplied=["layer"]).multiplied == ()


def test_a_small_file_does_not_become_a_large_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """S over an image that one window fits on takes longer than the dense layer, whose weights no file has to hold."""
    network = Network((200, 200, 2), seeded("room"), k=300)
    node = LookupConv2D(name="layer", inputs=("image",), filters=60, kernel_size=(200, 200))
    of_one = {
        "dictionary": network.rng.random((300, 2), np.float32),
        "indptr": np.arange(61, dtype=np.int32) * 5,
        "indices": np.arange(300, dtype=np.int32),
        "coefficients": np.ones(300, np.float32),
    }
    tensors = {f"layer/{name}": array for name, array in of_one.items()}
    graph = Graph("small", Input("image", (200, 200, 2)), "layer", (node,))
    assert planned(graph, tensors).multiplied == ()
    monkeypatch.setattr("lcnn_engine.plan.multiplying.MAX_WEIGHTS", 2**23)
    assert planned(graph, tensors).multiplied == ("layer",)


def test_layers_share_the_room_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network((9, 11, 6), seeded("shared room"), k=2)
    for name in ("first", "second", "third"):
        network.add("lookup_conv2d", filters=6, kernel_size=(3, 3), name=name)
    names, model, each = ["first", "second", "third"], (network.graph(), network.tensors), 6 * 9 * 6
    stored = sum(array.size for array in network.tensors.values())
    for many in range(4):
        monkeypatch.setattr("lcnn_engine.plan.multiplying.MAX_WEIGHTS", many * each - 4 * stored)
        assert with_room(*model, names) == names[:many]
