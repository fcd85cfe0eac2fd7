"""The JSON object of a graph: what is none, and what becomes of a graph on its way there and back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, write_model
from lcnn_engine.format.graph_json import graph_from_object, graph_from_text, graph_to_object, graph_to_text
from tests.golden import make_golden
from tests.helpers.model_files import node, valid_graph, valid_tensors
from tests.helpers.networks import small_classifier


@pytest.mark.parametrize("graph", [valid_graph(), make_golden.graph()], ids=["valid", "every operation"])
def test_comes_back(graph: dict[str, Any]) -> None:
    checked = graph_from_object(graph)
    text = graph_to_text(checked)
    assert graph_from_text(text) == checked
    assert graph_to_text(graph_from_text(text)) == text
    assert json.loads(text) == json.loads(json.dumps(graph_to_object(checked)))


def test_attributes_at_their_defaults_are_left_out() -> None:
    nodes = {item["name"]: item for item in graph_to_object(graph_from_object(valid_graph()))["nodes"]}
    assert nodes["conv"].keys() == {"name", "op", "inputs", "filters", "kernel_size", "padding", "activation"}
    assert nodes["pool"].keys() == {"name", "op", "inputs", "pool_size", "strides"}


def test_what_exporters_give_becomes_pythons_own() -> None:
    graph = valid_graph()
    node(graph, "conv").update(filters=np.int64(4), kernel_size=np.array([3, 3]), padding=(1, 1, 1, 1))
    graph["preprocessing"]["mean"] = np.array([1, 2, 3], np.float32)
    checked = graph_from_object(graph)
    assert checked == graph_from_object(valid_graph())
    assert type(checked["conv"].attributes()["filters"]) is int


@pytest.mark.parametrize(
    "value",
    [10**5000, -(10**5000), float("nan"), float("inf"), object(), [[[]]], {}],
    ids=["long", "negative and long", "NaN", "infinity", "object", "lists", "dict"],
)
def test_values_that_json_cannot_hold(value: Any, tmp_path: Path) -> None:
    for attribute in ("filters", "padding", "activation"):
        graph = valid_graph()
        node(graph, "conv")[attribute] = value
        with pytest.raises(ModelFormatError, match=f"node 'conv': expected {attribute}"):
            write_model(graph, valid_tensors(), tmp_path / "model")
    graph = valid_graph()
    graph["preprocessing"]["scale"] = value
    with pytest.raises(ModelFormatError, match="preprocessing: expected scale"):
        write_model(graph, valid_tensors(), tmp_path / "model")


@pytest.mark.parametrize("graph", [None, "graph", [], {1: 2}, {}])
def test_what_is_no_graph(graph: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match="graph: expected"):
        write_model(graph, {}, tmp_path / "model")


def test_dataclasses_with_something_else_inside(tmp_path: Path) -> None:
    graph, tensors = small_classifier()
    for changes in ({"nodes": ("conv1",)}, {"input": None}, {"preprocessing": {"mode": "RGB"}}, {"labels": 10}):
        with pytest.raises(ModelFormatError, match="expected"):
            write_model(dataclasses.replace(graph, **changes), tensors, tmp_path / "model")
