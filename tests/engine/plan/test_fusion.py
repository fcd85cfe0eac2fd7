"""Which nodes run, and which run as one."""

from __future__ import annotations

from lcnn_engine.model.graph import Activation, Add, Conv2D, MaxPool2D, Node
from lcnn_engine.plan.fusion import fuse, join_pools, needed_nodes
from tests.helpers.networks import chain


def conv(name: str, source: str, activation: str = "linear") -> Conv2D:
    return Conv2D(name=name, inputs=(source,), filters=2, kernel_size=(1, 1), activation=activation)


def relu(name: str, source: str) -> Activation:
    return Activation(name=name, inputs=(source,), activation="leaky_relu", alpha=0.5)


def fused(nodes: list[Node], *outputs: str) -> list[tuple[str, str, float, str]]:
    return [(one.node.name, one.activation, one.alpha, one.result) for one in fuse(nodes, outputs)]


def test_only_what_outputs_need_runs() -> None:
    nodes: list[Node] = [conv("a", "image"), conv("b", "image"), conv("c", "a")]
    assert [node.name for node in needed_nodes(chain(nodes, (4, 4, 2)), ["c"])] == ["a", "c"]


def test_an_activation_joins_the_node_before() -> None:
    assert fused([conv("a", "image"), relu("r", "a")], "r") == [("a", "leaky_relu", 0.5, "r")]


def test_it_stays_alone_where_the_node_has_one_or_others_read_it_or_it_is_wanted() -> None:
    alone = ("r", "leaky_relu", 0.5, "r")
    assert alone in fused([conv("a", "image", "relu"), relu("r", "a")], "r")
    assert alone in fused([conv("a", "image"), relu("r", "a")], "r", "a")
    assert alone in fused([conv("a", "image"), relu("r", "a"), Add(name="s", inputs=("a", "r"))], "s")


def test_a_pool_comes_with_its_convolution_where_nobody_else_reads_that() -> None:
    pool = MaxPool2D(name="p", inputs=("a",), pool_size=(2, 2))
    with_pool = join_pools(fuse([conv("a", "image"), pool], ["p"]), ["p"])
    assert [(one.result, pool and pool.result) for one, pool in with_pool] == [("a", "p")]
    both = join_pools(fuse([conv("a", "image"), pool], ["a", "p"]), ["a", "p"])
    assert [(one.result, pool) for one, pool in both] == [("a", None), ("p", None)]
