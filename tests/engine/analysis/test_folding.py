"""What is said of folding: which layers, their sizes as the file has them and as they run."""

from __future__ import annotations

from lcnn_engine.analysis.folding import FoldedLayer, folded_layers, folding_text
from tests.helpers.folding import empty
from tests.helpers.kernel_cases import Network, seeded

SAME = {"kernel_size": (3, 3), "padding": (1, 1, 1, 1)}


def network() -> Network:
    network = Network((6, 5, 1), seeded("said"), k=4, density=1.0)
    network.add("lookup_conv2d", name="first", filters=8, activation="relu", **SAME)
    network.add("max_pool2d", name="pool", pool_size=(2, 2))
    network.add("lookup_conv2d", name="second", filters=3, kernel_size=(1, 1))
    network.add("conv2d", name="third", filters=2, kernel_size=(1, 1))
    network.add("lookup_conv2d", "pool", name="unneeded", filters=2, kernel_size=(1, 1))
    network.nodes.insert(0, network.nodes.pop())  # so that the output is another
    network.nodes.insert(3, network.nodes.pop(0))
    empty(network, "first", 0, 1, 2, bias=-1.0)
    return network


def test_layers_that_change_are_listed() -> None:
    one = network()
    assert folded_layers(one.graph(), one.tensors) == [
        FoldedLayer("first", (8, 5), (1, 1), (4, 1), (180, 45), (42 * 2 * 4 - 112 + 30 * 180, 30 * 45)),
        FoldedLayer("second", (3, 3), (8, 5), (4, 4), (12, 12), (20 * (32 + 12), 20 * (20 + 12))),
    ]


def test_a_table_of_them() -> None:
    one = network()
    text = folding_text(folded_layers(one.graph(), one.tensors))
    assert [" ".join(line.split()) for line in text.splitlines()[:4]] == [
        "folded filters channels k lookups Mmul",
        "first 8 -> 5 1 4 -> 1 180 -> 45 0.006 -> 0.001",
        "second 3 8 -> 5 4 12 0.001",
        "total 0.007 -> 0.002",
    ]


def test_layers_without_lookups_have_none() -> None:
    one = Network((6, 5, 3), seeded("dense"))
    one.add("conv2d", name="a", filters=4, kernel_size=(1, 1))
    one.add("conv2d", name="b", filters=4, kernel_size=(1, 1))
    empty(one, "a", 0)
    layers = folded_layers(one.graph(), one.tensors)
    assert layers[0] == FoldedLayer("a", (4, 3), (3, 3), None, None, (360, 270))
    assert folding_text(layers).splitlines()[1].split() == ["a", "4", "->", "3", "3", "0.000"]


def test_nothing_folded_is_no_layer() -> None:
    one = Network((6, 5, 3), seeded("whole"), k=2, density=1.0)
    one.add("lookup_conv2d", filters=4, kernel_size=(1, 1))
    assert folded_layers(one.graph(), one.tensors) == []
