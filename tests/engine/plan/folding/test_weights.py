"""What one layer becomes: every rule on a layer made by hand, against the reference, in every variant."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.plan.folding import fold
from lcnn_engine.plan.folding.weights import Constants, empty_rows, weights_of
from tests.helpers.folding import empty, folded, set_bias, sizes
from tests.helpers.kernel_cases import Network, seeded

SAME = {"kernel_size": (3, 3), "padding": (1, 1, 1, 1)}
VALID = {"kernel_size": (3, 2)}
CONVOLUTIONS = {
    "dictionary": ("lookup_conv2d", 5),
    "pruned": ("lookup_conv2d", 0),
    "dense": ("conv2d", 0),
}


def two_layers(kind: str, *, first: str = "relu", **window: object) -> Network:
    """Two layers of a kind, ``a`` of 6 filters and ``b`` of 4, on images of (7, 8, 3)."""
    op, k = CONVOLUTIONS[kind]
    network = Network((7, 8, 3), seeded("two layers", kind, first, repr(window)), k=k, density=0.9)
    network.add(op, name="a", filters=6, activation=first, **SAME)
    network.add(op, name="b", filters=4, **window)
    return network


@pytest.mark.parametrize("shape", [(5, 7), (5, 70), (300, 3), (4, 6, 3, 2), (3, 0), (0, 3)])
def test_empty_rows(shape: tuple[int, ...]) -> None:
    rng = seeded("rows", shape)
    for share in (0.0, 0.5, 0.9, 1.0):
        matrix = rng.standard_normal(shape) * (rng.random(shape) > share)
        matrix[rng.random(shape[0]) < 0.3] = 0
        columns = rng.random(shape[1]) < 0.7
        expected = ~matrix[:, columns].reshape(shape[0], -1).any(axis=1) if matrix.size else np.ones(shape[0], bool)
        assert np.array_equal(empty_rows(matrix, columns), expected)


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("window", [SAME, VALID, SAME | {"strides": (2, 2)}, {"kernel_size": (1, 1)}], ids=str)
class TestFiltersWithoutWeights:
    def test_that_give_0_go(self, kind: str, window: dict[str, object]) -> None:
        network = two_layers(kind, **window)
        empty(network, "a", 0, 3, 5, bias=[0.0, -2.0, -0.5])
        assert sizes(folded(network)[0]) == {"a": 3, "b": 4}

    def test_that_give_more_become_one_or_a_bias(self, kind: str, window: dict[str, object]) -> None:
        network = two_layers(kind, **window)
        empty(network, "a", 0, 3, 5, bias=[0.3, 2.0, 0.5])
        smaller, tensors = folded(network)
        assert sizes(smaller) == {"a": 4 if "padding" in window else 3, "b": 4}
        if "padding" in window:
            assert 2.0 in tensors["a/bias"]  # the largest stays, so that no weight grows

    def test_below_0_through_another_activation(self, kind: str, window: dict[str, object]) -> None:
        network = two_layers(kind, first="tanh", **window)
        empty(network, "a", 1, 2, bias=[-0.7, 0.2])
        assert sizes(folded(network)[0])["a"] == (5 if "padding" in window else 4)

    def test_without_a_bias(self, kind: str, window: dict[str, object]) -> None:
        network = two_layers(kind, first="sigmoid", **window)
        for name in ("a", "b"):
            network.tensors.pop(f"{name}/bias")
        empty(network, "a", 1, 2, bias=0.0)
        network.tensors.pop("a/bias")
        assert sizes(folded(network)[0])["a"] == (5 if "padding" in window else 4)

    def test_all_of_the_first_layer(self, kind: str, window: dict[str, object]) -> None:
        network = two_layers(kind, **window)
        empty(network, "a", *range(6), bias=np.linspace(-1, 1, 6).tolist())
        assert sizes(folded(network)[0]) == {"a": 1, "b": 4}

    def test_of_the_output_stay(self, kind: str, window: dict[str, object]) -> None:
        network = two_layers(kind, **window)
        empty(network, "b", 0, 1)
        assert sizes(folded(network)[0]) == {"a": 6, "b": 4}

    def test_the_whole_output(self, kind: str, window: dict[str, object]) -> None:
        network = two_layers(kind, **window)
        empty(network, "b", 0, 1, 2, 3, bias=[1.0, 0.0, -1.0, 2.0])
        assert sizes(folded(network)[0]) == {"a": 1, "b": 4}

    def test_asked_for_keep_their_values(self, kind: str, window: dict[str, object]) -> None:
        network = two_layers(kind, **window)
        empty(network, "a", 0, 3, 5, bias=[0.3, 2.0, 0.5])
        assert sizes(folded(network, "b", "a")[0]) == {"a": 6, "b": 4}


@pytest.mark.parametrize("op", ["dense", "lookup_dense"])
@pytest.mark.parametrize("k", [0, 4])
def test_layers_on_vectors(op: str, k: int) -> None:
    network = Network((9,), seeded("vectors", op, k), k=k, density=0.5)
    network.add(op, name="a", units=7, activation="relu")
    network.add(op, name="b", units=5, activation="relu")
    network.add(op, name="c", units=3)
    empty(network, "a", 0, 1, 6, bias=[1.5, -1.0, 0.5])
    empty(network, "b", 2, 4)
    smaller, tensors = folded(network)
    assert sizes(smaller) == {"flatten_0": 9, "a": 4, "b": 3, "c": 3}
    assert len(tensors["b/bias"]) == 3


def test_a_filter_that_reads_constants_alone_is_one() -> None:
    """Lookups of atoms over constants, weights of constants: without padding they are the same at every pixel."""
    for kind in CONVOLUTIONS:
        network = two_layers(kind, **VALID)
        network.add("conv2d", name="c", filters=2, kernel_size=(1, 1))
        empty(network, "a", *range(6))
        assert sizes(folded(network)[0]) == {"a": 1, "b": 1, "c": 2}
        network = two_layers(kind, **SAME)  # with padding the border differs
        network.add("conv2d", name="c", filters=2, kernel_size=(1, 1))
        empty(network, "a", *range(6))
        assert sizes(folded(network)[0])["b"] == 4


def test_channels_that_nobody_reads_go_with_what_makes_them() -> None:
    network = Network((7, 8, 3), seeded("unread"), k=5, density=0.6)
    network.add("lookup_conv2d", name="a", filters=6, **SAME)
    network.add("lookup_conv2d", name="b", filters=6, **SAME)
    network.add("conv2d", name="c", filters=6, **SAME)
    network.add("dense", network.add("global_avg_pool2d"), name="d", units=2)
    network.tensors["d/kernel"][:, [0, 1]] = 0
    network.tensors["c/kernel"][:, [0, 5]] = 0
    network.tensors["b/dictionary"][:, [2, 3, 4]] = 0
    assert sizes(folded(network)[0]) == {"a": 3, "b": 4, "c": 4, "global_avg_pool2d_3": 4, "d": 2}


def test_atoms_that_nobody_uses_and_lookups_of_nothing_go() -> None:
    network = Network((7, 8, 3), seeded("atoms"), k=6, density=0.9)
    network.add("lookup_conv2d", name="a", filters=5, **SAME)
    tensors = network.tensors
    tensors["a/dictionary"][2] = 0  # an atom of zeros
    tensors["a/coefficients"][tensors["a/indices"] % 6 == 4] = 0  # and coefficients of an atom
    smaller, made = folded(network)
    assert made["a/dictionary"].shape == (4, 3)
    assert len(made["a/indices"]) == np.isin(tensors["a/indices"] % 6, [0, 1, 3, 5]).sum()
    assert smaller.shapes["a"] == (7, 8, 5)


@pytest.mark.parametrize("window", [SAME, VALID, SAME | {"strides": (2, 3)}, SAME | {"dilation": (2, 1)}], ids=str)
@pytest.mark.parametrize("k", [1, 6])
def test_a_dictionary_over_one_channel_becomes_coefficients(k: int, window: dict[str, object]) -> None:
    network = Network((9, 8, 1), seeded("one channel", k, repr(window)), k=k, density=0.5)
    network.add("lookup_conv2d", name="a", filters=5, **window)
    _, tensors = folded(network)
    assert "a/dictionary" not in tensors
    assert len(tensors["a/indices"]) <= 5 * np.prod(window["kernel_size"])  # lookups at one place are one


def test_one_channel_that_is_left_is_one() -> None:
    network = two_layers("dictionary", **SAME)
    empty(network, "a", 0, 1, 2, 4, 5, bias=0.0)
    smaller, tensors = folded(network)
    assert smaller.shapes["a"] == (7, 8, 1)
    assert "b/dictionary" not in tensors


def test_products_that_float32_does_not_hold_stay_two_numbers() -> None:
    network = Network((6, 6, 1), seeded("tiny"), k=4, density=0.5)
    network.add("lookup_conv2d", name="a", filters=5, **SAME)
    for factor, stay in ((1.0, False), (1e-25, True), (1e25, True)):
        tensors = dict(network.tensors)
        for name in ("a/dictionary", "a/coefficients"):
            tensors[name] = tensors[name] * np.float32(factor)
        layer = weights_of(network.graph()["a"], tensors, 1)
        assert layer is not None
        made = layer.restricted(np.arange(5), np.arange(1), Constants.none(1))
        assert made is not None
        assert ("dictionary" in made) == stay


def test_a_sum_that_float32_does_not_hold_folds_nothing() -> None:
    network = Network((4, 4, 2), seeded("overflow"), density=1.0)
    network.add("conv2d", name="a", filters=3, kernel_size=(1, 1))
    network.add("conv2d", name="b", filters=1, kernel_size=(1, 1))
    empty(network, "a", 0, 1, bias=[3e38, 3e38])
    network.tensors["b/kernel"][0, :, 0, 0] = [1.0, 1.0, 1.0]
    set_bias(network, "b", [0], 0.0)
    graph = network.graph()
    smaller, tensors = fold(graph, network.tensors, ["b"])
    assert smaller is graph
    assert tensors is network.tensors


def test_many_lookups_are_folded_without_a_loop() -> None:
    """A million lookups with moved ones among them, in well under what their loading takes."""
    network = Network((5, 5, 512), seeded("many"), k=0, density=0.4)
    network.add("conv2d", name="a", filters=512, kernel_size=(1, 1))
    network.add("lookup_conv2d", name="b", filters=512, **SAME)
    empty(network, "a", *range(0, 512, 2))
    smaller, tensors = folded(network)
    assert smaller.shapes["a"] == (5, 5, 257)
    assert (np.diff(tensors["b/indptr"]) <= 9 * 257).all()
