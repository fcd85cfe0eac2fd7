"""Rules of a graph as a whole: each broken alone, in a file and in what write_model is given; and what is legal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lcnn_engine import read_model
from lcnn_engine.format.graph_json import graph_from_object, graph_to_object
from tests.helpers.model_files import GraphObject, node, unchecked_file, valid_graph, valid_tensors
from tests.helpers.refusals import Refusals, assert_refused, attributes, drop, edited, new_node, top

KEYS = "expected keys among"


def rename_input(graph: GraphObject) -> None:
    graph["input"]["name"] = "conv"
    node(graph, "conv")["inputs"] = ["conv"]


REFUSALS: Refusals = {
    # The graph's own keys
    "unknown key of the graph": (top(color="red"), ("graph: ", KEYS, "found 'color'")),
    "graph without a name": (drop("name"), ("graph: expected the key 'name'",)),
    "graph without an input": (drop("input"), ("graph: expected the key 'input'",)),
    "graph without an output": (drop("output"), ("graph: expected the key 'output'",)),
    "graph without nodes": (drop("nodes"), ("graph: expected the key 'nodes'",)),
    "name that is no string": (top(name=7), ("graph: name: expected a string, found 7",)),
    "name with half a surrogate pair": (top(name="\ud800"), ("graph: name: expected UTF-8", "surrogate")),
    "output that is no string": (top(output=["conv"]), ("graph: output: expected a string, found ['conv']",)),
    "output that is no node": (top(output="none"), ("output: expected the name of a node, found 'none'",)),
    "output that is the input": (top(output="image"), ("output: expected the name of a node, found 'image'",)),
    "nodes that are no list": (top(nodes={}), ("graph: nodes: expected a list, found {}",)),
    "no nodes at all": (top(nodes=[]), ("output: expected the name of a node",)),
    "node that is no object": (top(nodes=["conv"]), ("nodes[0]: expected an object, found 'conv'",)),
    "null for an absent value": (top(labels=None), ("graph: expected labels to have a value or to be absent",)),
    # Input
    "input that is no object": (top(input="image"), ("input: expected an object, found 'image'",)),
    "input without a shape": (drop("input", "shape"), ("input: expected the key 'shape'",)),
    "unknown key of the input": (top(input={"name": "i", "shape": [1, 1, 1], "x": 1}), ("input: ", KEYS, "'x'")),
    "input name that is no string": (top(input={"name": 1, "shape": [6, 6, 3]}), ("input: name: ", "string, found 1")),
    "input of two sizes": (top(input={"name": "image", "shape": [6, 6]}), ("input: ", "3 integers (H, W, C)")),
    "input of four sizes": (top(input={"name": "image", "shape": [1, 6, 6, 3]}), ("input: ", "3 integers")),
    "input size 0": (top(input={"name": "image", "shape": [6, 0, 3]}), ("input: ", "from 1", "(6, 0, 3)")),
    "input size as a float": (top(input={"name": "image", "shape": [6.0, 6, 3]}), ("input: ", "(6.0, 6, 3)")),
    "input size as a boolean": (top(input={"name": "image", "shape": [6, 6, True]}), ("input: ", "True)")),
    "input of too many values": (
        top(input={"name": "image", "shape": [2**16, 2**16, 3]}), ("input: ", "at most 2147483647 values")),
    # Names
    "name used twice": (attributes("pool", name="conv"), ("node 'conv': expected a name that nothing before it has",)),
    "node named as the input": (rename_input, ("node 'conv': expected a name that nothing before it has",)),
    "input used before it is made": (
        attributes("conv", inputs=["pool"]), ("node 'conv': ", "earlier nodes, found 'pool'")),
    "node that reads itself": (attributes("pool", inputs=["pool"]), ("node 'pool': ", "earlier nodes, found 'pool'")),
    "input that is nowhere": (attributes("pool", inputs=["none"]), ("node 'pool': ", "earlier nodes, found 'none'")),
    "node name that is no string": (attributes("pool", name=None), ("nodes[1]: name: expected a string, found None",)),
    "inputs that are no list": (
        attributes("pool", inputs="conv"), ("node 'pool': inputs: expected a list, found 'conv'",)),
    "input name in a node that is no string": (attributes("pool", inputs=[3]), ("node 'pool': inputs[0]: ", "found 3")),
    # Labels
    "labels that are no list": (top(labels="no yes"), ("labels: expected a list, found 'no yes'",)),
    "label that is no string": (top(labels=["no", 1]), ("labels[1]: expected a string, found 1",)),
    "too few labels": (top(labels=["no"]), ("labels: expected 2 of them", "found 1")),
    "too many labels": (top(labels=["a", "b", "c"]), ("labels: expected 2 of them", "found 3")),
}  # fmt: skip


@pytest.mark.parametrize("rule", REFUSALS)
def test_refused_in_a_file_and_by_the_writer(rule: str, tmp_path: Path) -> None:
    assert_refused(*REFUSALS[rule], tmp_path)


def test_what_the_refusals_change_is_otherwise_valid() -> None:
    graph, tensors = read_model(unchecked_file(valid_graph(), valid_tensors()))
    assert graph.shapes["conv"] == (6, 6, 4)
    assert graph.output_shape == (2,)
    assert tensors.keys() == valid_tensors().keys()


def test_nodes_that_nobody_reads() -> None:
    assert "late" in edited(new_node(name="late", op="global_max_pool2d", inputs=["conv"])).by_name


def test_the_output_may_be_read_and_need_not_be_last() -> None:
    assert edited(top(output="logits")).output_shape == (2,)


def test_one_node_twice_as_input() -> None:
    graph = edited(new_node(name="both", op="concat", inputs=["pool", "pool", "sum"]))
    assert graph.shapes["both"] == (3, 3, 12)


def test_labels_may_repeat_be_empty_and_be_in_any_script() -> None:
    assert edited(top(labels=["", "猫\n"])).labels == ("", "猫\n")


def test_a_graph_is_the_same_from_an_object_and_back() -> None:
    graph = graph_from_object(valid_graph())
    assert graph_from_object(graph_to_object(graph)) == graph


def test_exporters_may_give_tuples_and_numpy_numbers() -> None:
    changed = valid_graph()
    node(changed, "conv").update(filters=np.int64(4), kernel_size=(np.int32(3), 3), padding=np.ones(4, int))
    changed["preprocessing"].update(scale=np.float32(0.5), std=(1, np.float64(1), 4))
    assert graph_from_object(changed) == graph_from_object(valid_graph())
