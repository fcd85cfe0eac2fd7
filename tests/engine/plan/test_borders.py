"""The border of zeros around every value."""

from __future__ import annotations

from lcnn_engine.model.graph import Activation, Add, Conv2D, LookupConv2D, MaxPool2D, Node
from lcnn_engine.plan.borders import LookupUse, borders_of, reads_border
from lcnn_engine.plan.fusion import fuse
from lcnn_engine.plan.layout import Border
from lcnn_engine.plan.machine import Machine
from tests.helpers.networks import chain


def borders(
    nodes: list[Node], size: tuple[int, int] = (20, 50), lookups: int = 0, shared: bool = False
) -> dict[str, Border]:
    graph = chain(nodes, (*size, 2))
    uses = {"lookups": LookupUse(lookups, shared, dictionary=False)}
    return borders_of(graph, fuse(list(graph.nodes), [graph.output]), uses, Machine())


def conv(name: str, source: str, padding: Border) -> Conv2D:
    return Conv2D(name=name, inputs=(source,), filters=2, kernel_size=(3, 3), padding=padding)


def test_the_widest_that_a_consumer_reads_side_by_side() -> None:
    nodes: list[Node] = [
        Activation(name="a", inputs=("image",), activation="tanh"),
        conv("b", "a", (1, 0, 2, 0)),
        conv("c", "a", (0, 1, 0, 2)),
        Add(name="sum", inputs=("b", "c")),
    ]
    assert borders(nodes)["a"] == (1, 1, 2, 2)


def test_strided_lookups_read_a_copy() -> None:
    node = LookupConv2D(name="lookups", inputs=("image",), filters=1, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    uses = {"lookups": LookupUse(1)}
    assert reads_border(node, uses)
    strided = LookupConv2D(
        name="lookups", inputs=("image",), filters=1, kernel_size=(3, 3), padding=(1, 1, 1, 1), strides=(2, 2)
    )
    assert not reads_border(strided, uses)
    assert borders([strided])["image"] == (0, 0, 0, 0)
    assert not reads_border(strided, {"lookups": LookupUse(1, shared=True)})  # but S = D X is made of a copy
    assert reads_border(strided, {"lookups": LookupUse(1, shared=True, dictionary=False)})
    assert borders([strided], shared=True)["image"] == (1, 1, 1, 1)


def test_many_lookups_get_rows_of_whole_lines() -> None:
    node = LookupConv2D(name="lookups", inputs=("image",), filters=1, kernel_size=(3, 3), padding=(1, 1, 5, 5))
    assert borders([node], lookups=100)["image"] == (1, 1, 5, 14)  # 50 + 14
    assert borders([node], lookups=1)["image"] == (1, 1, 5, 5)
    assert borders([node], lookups=100, shared=True)["image"] == (1, 1, 5, 5)  # no load of theirs is a vector


def test_what_only_pools_read_begins_on_lines() -> None:
    nodes: list[Node] = [
        Activation(name="a", inputs=("image",), activation="tanh"),
        MaxPool2D(name="p", inputs=("a",), pool_size=(3, 3), padding=(1, 1, 1, 1)),
    ]
    assert borders(nodes)["a"] == (0, 0, 1, 14)
    assert borders(nodes, size=(20, 3))["a"] == (0, 0, 0, 0)  # most of a row would be border
