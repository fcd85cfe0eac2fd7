"""How much a network computes: the counts of every kind of operation, and the bound on their sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.analysis.cost import cost_of
from lcnn_engine.errors import ModelFormatError
from lcnn_engine.format.graph_json import graph_from_object
from lcnn_engine.model.graph import Graph
from lcnn_engine.model.work import MAX_MULTIPLICATIONS, check_work, work_of
from tests.golden import make_golden
from tests.helpers.networks import small_classifier


def one(op: str, tensors: dict[str, tuple[int, ...]] | None = None, **attributes: Any) -> int:
    """What one node computes on (6, 5, 4)."""
    nodes: list[dict[str, Any]] = [{"name": "a", "op": op, "inputs": ["image"], **attributes}]
    if op in ("dense", "lookup_dense", "softmax"):
        nodes = [{"name": "flat", "op": "flatten", "inputs": ["image"]}, {**nodes[0], "inputs": ["flat"]}]
    graph = graph_from_object(
        {"name": "one", "input": {"name": "image", "shape": [6, 5, 4]}, "output": "a", "nodes": nodes}
    )
    shapes = {f"a/{name}": shape for name, shape in (tensors or {}).items()}
    return work_of(graph, graph["a"], shapes)


@pytest.mark.parametrize(
    ("expected", "op", "attributes", "tensors"),
    [
        (4 * 3 * 8 * 2 * 9, "conv2d", {"filters": 8, "kernel_size": [3, 3], "groups": 2}, {"kernel": (8, 2, 3, 3)}),
        (8 * 5 * 3 * 4 + 11 * 6 * 3, "lookup_conv2d",
         {"filters": 7, "kernel_size": [3, 3], "padding": [1, 1, 0, 0]}, {"dictionary": (3, 4), "indices": (11,)}),
        (11 * 4 * 3, "lookup_conv2d", {"filters": 7, "kernel_size": [3, 3]}, {"indices": (11,)}),
        (7 * 120, "dense", {"units": 7}, {"kernel": (7, 120)}),
        (3 * 120 + 11, "lookup_dense", {"units": 7}, {"dictionary": (3, 120), "indices": (11,)}),
        (4 * 4 * 4 * 6, "max_pool2d", {"pool_size": [3, 2]}, {}),
        (120 * 3, "lrn", {"depth_radius": 1, "bias": 1, "alpha": 1, "beta": 1}, {}),
        (120 * 4, "lrn", {"depth_radius": 2**30, "bias": 1, "alpha": 1, "beta": 1}, {}),
        (9 * 8 * 4 * 4, "resize2d", {"size": [9, 8], "method": "bicubic"}, {}),
        (120, "global_avg_pool2d", {}, {}), (120, "channel_max", {}, {}), (120, "softmax", {}, {}),
        (120, "activation", {"activation": "relu"}, {}), (8 * 5 * 4, "zero_pad2d", {"padding": [1, 1, 0, 0]}, {}),
    ],
)  # fmt: skip
def test_counts(expected: int, op: str, attributes: dict[str, Any], tensors: dict[str, tuple[int, ...]]) -> None:
    assert one(op, tensors, **attributes) == expected


def shapes_of(tensors: dict[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in tensors.items()}


def test_multiplications_are_those_of_the_papers_rule() -> None:
    graph, tensors = small_classifier()
    counted = {node.name: work_of(graph, node, shapes_of(tensors)) for node in graph.nodes}
    for cost in cost_of(graph, tensors):
        assert counted[cost.name] == cost.multiplications or not cost.multiplications
    assert all(counted.values())


def test_every_operation_counts() -> None:
    graph: Graph = graph_from_object(make_golden.graph())
    tensors = make_golden.tensors(make_golden.FLAT)
    for node in graph.nodes:
        assert work_of(graph, node, shapes_of(tensors)) > 0 or node.op == "lookup_dense"


def test_the_bound_is_inclusive_and_names_the_node_that_computes_most() -> None:
    graph, tensors = small_classifier()
    work = {node.name: work_of(graph, node, shapes_of(tensors)) for node in graph.nodes}
    total = sum(work.values())
    check_work(graph, shapes_of(tensors), total)
    with pytest.raises(ModelFormatError) as refused:
        check_work(graph, shapes_of(tensors), total - 1)
    most = max(work, key=lambda name: work[name])
    expected = f"expected at most {total - 1} multiplications for one input in all (max_multiplications)"
    assert str(refused.value).startswith(f"node '{most}': {expected}, found {total}, of which {work[most]} are here")


def test_the_default_is_far_beyond_real_networks() -> None:
    """EfficientNet-L2 on 800 x 800 makes 5e11, the widest ConvNeXt on 384 x 384 1.8e11, VGG16 1.5e10."""
    assert MAX_MULTIPLICATIONS >= 2 * 4.8e11
