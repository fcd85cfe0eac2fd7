"""The JSON object of a model file's ``graph`` key <-> :class:`Graph`.

Only structure is looked at here: which keys there are, and what is a string or a list. What a value may be is for
``Graph.check``. Exporters may give tuples for lists and NumPy's scalars for Python's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from typing import Any, TypeVar

import numpy as np

from ..errors import ModelFormatError
from ..model.graph import MAX_FLOAT, NODE_TYPES, Graph, Input, Node, Preprocessing, Resize
from ..utils.messages import shown
from .strict_json import parse

__all__ = ["graph_from_object", "graph_from_text", "graph_to_object", "graph_to_text", "preprocessing_from_object"]

_Record = TypeVar("_Record", Input, Resize, Preprocessing)

GRAPH_KEYS = {"name": True, "input": True, "output": True, "labels": False, "preprocessing": False, "nodes": True}
NODE_KEYS = {"name": True, "op": True, "inputs": True}


def graph_from_text(text: str) -> Graph:
    """Read and check the graph that a JSON text spells. Raises ModelFormatError."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise ModelFormatError("graph: expected UTF-8, found half of a surrogate pair") from None
    return graph_from_object(parse(data, "graph"))


def graph_to_text(graph: Graph) -> str:
    """Write the JSON text of a checked graph, without insignificant space and without attributes at their defaults."""
    return json.dumps(graph_to_object(graph), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def graph_from_object(value: object) -> Graph:
    """Read and check the graph that a JSON object spells. Raises ModelFormatError."""
    found = _keys(value, "graph", GRAPH_KEYS)
    graph = Graph(
        name=_string(found["name"], "graph: name"),
        input=_record(Input, found["input"], "input"),
        output=_string(found["output"], "graph: output"),
        nodes=tuple(_node(node, number) for number, node in enumerate(_list(found["nodes"], "graph: nodes"))),
        labels=_strings(found["labels"], "labels") if "labels" in found else None,
        preprocessing=preprocessing_from_object(found["preprocessing"]) if "preprocessing" in found else None,
    )
    _string(graph.input.name, "input: name")
    graph.check()
    return graph


def graph_to_object(graph: Graph) -> dict[str, Any]:
    """Make the JSON object of a graph, which may be unchecked. Raises ModelFormatError for what is no graph."""
    value: dict[str, Any] = {"name": graph.name, "input": _without_defaults(graph.input), "output": graph.output}
    if graph.labels is not None:
        value["labels"] = graph.labels
    if graph.preprocessing is not None:
        value["preprocessing"] = _without_defaults(graph.preprocessing)
        if graph.preprocessing.resize is not None:
            value["preprocessing"]["resize"] = _without_defaults(graph.preprocessing.resize)
    value["nodes"] = [_node_object(node) for node in graph.nodes]
    return value


def _node_object(node: Node) -> dict[str, Any]:
    if not isinstance(node, Node):
        raise ModelFormatError(f"graph: expected nodes to be operations, found {shown(node)}")
    head = {"name": node.name, "op": node.op, "inputs": node.inputs}
    return {**head, **{k: v for k, v in _without_defaults(node).items() if k not in head}}


def _without_defaults(record: Any) -> dict[str, Any]:
    if isinstance(record, Mapping) or not hasattr(record, "__dataclass_fields__"):
        raise ModelFormatError(f"graph: expected Input, Preprocessing, Resize or Node, found {shown(record)}")
    pairs = ((field, getattr(record, field.name)) for field in fields(record))
    return {field.name: value for field, value in pairs if not _same(value, field.default)}


def _same(value: object, default: object) -> bool:
    return type(value) is type(default) and value == default


def _record_keys(record: type) -> dict[str, bool]:
    """List the fields of a dataclass, and whether each must be there."""
    return {field.name: field.default is MISSING for field in fields(record)}


_ATTRIBUTES = {op: NODE_KEYS | _record_keys(node) for op, node in NODE_TYPES.items()}
_FLOATS = {op: {f.name for f in fields(node) if "float" in str(f.type)} for op, node in NODE_TYPES.items()}


def _node(value: object, number: int) -> Node:
    where = f"nodes[{number}]"
    if not isinstance(value, Mapping):
        raise ModelFormatError(f"{where}: expected an object, found {shown(value)}")
    for key in NODE_KEYS:
        if key not in value:
            raise ModelFormatError(f"{where}: expected the key {key!r}, found only {shown(list(value))}")
    name, op = _string(value["name"], f"{where}: name"), _plain(value["op"])
    where = f"node {shown(name)}"
    if not isinstance(op, str) or op not in NODE_TYPES:
        raise ModelFormatError(f"{where}: expected op to be one of {', '.join(NODE_TYPES)}, found {shown(op)}")
    inputs = _strings(value["inputs"], f"{where}: inputs")
    found = {key: _plain(item) for key, item in _keys(value, where, _ATTRIBUTES[op]).items() if key not in NODE_KEYS}
    for key in _FLOATS[op] & found.keys():
        found[key] = _as_float(found[key])
    return NODE_TYPES[op](name=name, inputs=inputs, **found)


def preprocessing_from_object(value: object) -> Preprocessing:
    """Read the preprocessing that a JSON object spells; it is checked with the graph. Raises ModelFormatError."""
    record = _record(Preprocessing, value, "preprocessing")
    numbers = {field: _as_float(getattr(record, field)) for field in ("mean", "std", "scale")}
    resize = None if record.resize is None else _record(Resize, record.resize, "preprocessing: resize")
    return replace(record, resize=resize, **numbers)


def _record(kind: type[_Record], value: object, where: str) -> _Record:
    found = _keys(value, where, _record_keys(kind))
    return kind(**{key: _plain(item) for key, item in found.items()})


def _keys(value: object, where: str, allowed: Mapping[str, bool]) -> Mapping[str, Any]:
    """Check that ``value`` is an object with the keys that ``allowed`` maps to True, and no others than it has."""
    if not isinstance(value, Mapping):
        raise ModelFormatError(f"{where}: expected an object, found {shown(value)}")
    for key, item in value.items():
        if key not in allowed:
            raise ModelFormatError(f"{where}: expected keys among {', '.join(allowed)}, found {shown(key)}")
        if item is None:  # an optional value is left out: null would be a second way to say so
            raise ModelFormatError(f"{where}: expected {key} to have a value or to be absent, found null")
    for key, required in allowed.items():
        if required and key not in value:
            raise ModelFormatError(f"{where}: expected the key {key!r}, found only {shown(list(value))}")
    return value


def _list(value: object, where: str) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ModelFormatError(f"{where}: expected a list, found {shown(value)}")
    return value


def _strings(value: object, where: str) -> tuple[str, ...]:
    return tuple(_string(item, f"{where}[{number}]") for number, item in enumerate(_list(value, where)))


def _string(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ModelFormatError(f"{where}: expected a string, found {shown(value)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ModelFormatError(f"{where}: expected UTF-8, found half of a surrogate pair in {shown(value)}") from None
    return str(value)


def _plain(value: Any) -> Any:
    """Give ``value`` in Python's own types; a list as a tuple."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return tuple(map(_scalar, value)) if isinstance(value, (list, tuple)) else _scalar(value)


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _as_float(value: Any) -> Any:
    """Make integers that stand for floats floats; leave everything else to the graph's check."""
    return tuple(map(_number, value)) if isinstance(value, tuple) else _number(value)


def _number(value: Any) -> Any:
    return float(value) if type(value) is int and abs(value) <= MAX_FLOAT else value
