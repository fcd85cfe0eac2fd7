"""A valid graph, edited: for the tests that each rule, broken alone, is refused, and that what breaks none is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lcnn_engine import ModelFormatError, read_model, write_model
from lcnn_engine.model.graph import Graph
from tests.helpers.model_files import GraphObject, in_order, node, unchecked_file, valid_graph, valid_tensors

Edit = Callable[[GraphObject], object]
Refusals = dict[str, tuple[Edit, tuple[str, ...]]]  # what is done to a valid graph, and parts of the message in order


def attributes(of: str, /, **values: object) -> Edit:
    """Set attributes of a node."""
    return lambda graph: node(graph, of).update(values)


def top(**values: object) -> Edit:
    """Set keys of the graph itself."""
    return lambda graph: graph.update(values)


def drop(*path: str) -> Edit:
    """Delete the key that ends ``path``; its first step is a key of the graph or the name of a node."""

    def edit(graph: GraphObject) -> None:
        found = graph
        for step in path[:-1]:
            found = found[step] if step in found else node(graph, step)
        del found[path[-1]]

    return edit


def new_node(position: int = 9, **values: object) -> Edit:
    """Put a node in."""
    return lambda graph: graph["nodes"].insert(position, values)


def assert_refused(edit: Edit, fragments: tuple[str, ...], folder: Path) -> None:
    """A valid graph so edited is refused in a file and by write_model, with these parts of a message in order."""
    graph = valid_graph()
    edit(graph)
    with pytest.raises(ModelFormatError) as reading:
        read_model(unchecked_file(graph, valid_tensors()))
    assert in_order(str(reading.value), ("<bytes>: ", *fragments)), str(reading.value)
    path = folder / "model.safetensors"
    with pytest.raises(ModelFormatError) as writing:
        write_model(graph, valid_tensors(), path)
    assert in_order(str(writing.value), (f"{path}: ", *fragments)), str(writing.value)
    assert list(folder.iterdir()) == []


def edited(*edits: Edit) -> Graph:
    """The valid graph so edited, which must still be one, as it is read from a file."""
    graph = valid_graph()
    for edit in edits:
        edit(graph)
    return read_model(unchecked_file(graph, valid_tensors()))[0]
