"""Model files: whole ones to begin with, and what is changed in them."""

from __future__ import annotations

import copy
import json
import random
from typing import Any, NamedTuple

import numpy as np

from lcnn_engine.errors import ModelFormatError
from lcnn_engine.format.float16 import in_float16
from lcnn_engine.format.graph_json import graph_from_object, graph_to_object
from lcnn_engine.format.int8_matrices import with_int8_matrices
from lcnn_engine.model.graph import NODE_TYPES, Graph
from tests.golden import make_golden
from tests.helpers.damage import at, damage_value, paths
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.model_files import GraphObject, Tensors, container, unchecked_file, valid_graph, valid_tensors
from tests.helpers.networks import small_classifier
from tests.helpers.random_networks import RANDOM_OPS, random_network

RANDOM_SEEDS = 40  # random networks among the files to begin with
MOST_VALUES = 2**16  # of new tensors
FEW = (1, 1, 1, 2, 4)  # changes at once


class Parts(NamedTuple):
    """A file taken apart: its header without the graph, the graph, and the bytes of the tensors."""

    header: dict[str, Any]
    graph: GraphObject
    data: bytes


def whole_files() -> list[bytes]:
    """Give files of every operation, dtype and version."""
    models: list[tuple[Any, Tensors]] = [
        (valid_graph(), valid_tensors()),
        (make_golden.graph(), make_golden.tensors(make_golden.FLAT)),
    ]
    networks = [(network.graph(), network.tensors) for network in map(_random, range(RANDOM_SEEDS))]
    models += [(graph_to_object(graph), tensors) for graph, tensors in [small_classifier(), *networks]]
    files = [unchecked_file(graph, tensors) for graph, tensors in models]
    for graph, tensors in models[2:10]:
        ops = {node["name"]: node["op"] for node in graph["nodes"]}
        files.append(unchecked_file(graph, in_float16(tensors)))
        files.append(unchecked_file(graph, in_float16(with_int8_matrices(ops, tensors)), format_version="2"))
    return files


def _random(seed: int) -> Network:
    return random_network(seeded("fuzz", seed))


def parts_of(data: bytes) -> Parts | None:
    """Take a file apart; None where it has none of these parts."""
    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        graph = json.loads(header["__metadata__"]["graph"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return Parts(header, graph, data[8 + length :]) if isinstance(graph, dict) else None


def put_together(parts: Parts) -> bytes:
    """Make the file of its parts, whatever they are."""
    header = copy.deepcopy(parts.header)
    header["__metadata__"]["graph"] = json.dumps(parts.graph)
    return container(header, parts.data)


def with_damaged_graph(parts: Parts, rng: random.Random) -> bytes:
    """Change any values of the graph for odd ones."""
    graph = copy.deepcopy(parts.graph)
    for _ in range(rng.choice(FEW)):
        damage_value(graph, rng)
    return put_together(parts._replace(graph=graph))


def with_damaged_header(parts: Parts, rng: random.Random) -> bytes:
    """Change any values of the header for odd ones; the metadata are among them."""
    header = copy.deepcopy(parts.header)
    for _ in range(rng.choice(FEW)):
        damage_value(header, rng)
    return container(header, parts.data)


def with_odd_numbers(parts: Parts, rng: random.Random) -> bytes:
    """Change numbers of 4, 2 or 1 bytes among the tensors."""
    data = bytearray(parts.data)
    odd = [0, 1, 2, 5, 2**31 - 1, 2**31, 2**32 - 1, 0x7F800000, 0x7FC00000, 0x3F800000, 0x7C00, 0x7F7FFFFF, 0x80, 0x81]
    for _ in range(rng.choice(FEW) if len(data) >= 4 else 0):
        width = rng.choice([4, 4, 4, 2, 1])
        place = rng.randrange(len(data) // width) * width
        data[place : place + width] = (rng.choice(odd) % 256**width).to_bytes(width, "little")
    return put_together(parts._replace(data=bytes(data)))


def with_other_sizes(parts: Parts, rng: random.Random) -> bytes:
    """Change sizes for others that are likely, exchange inputs, put nodes in; then make tensors that fit, if they can.

    Most of these files are whole.
    """
    graph = copy.deepcopy(parts.graph)
    for _ in range(rng.choice(FEW)):
        rng.choice([_change_a_number, _change_a_number, _change_an_input, _put_a_node_in, _change_an_operation])(
            graph, rng
        )
    try:
        checked = graph_from_object(graph)
        tensors = _fitting(checked, rng)
    except (ModelFormatError, ValueError):
        return put_together(parts._replace(graph=graph))
    tensors = in_float16(tensors) if rng.random() < 0.2 else tensors
    if rng.random() < 0.2:
        ops = {node.name: node.op for node in checked.nodes}
        return unchecked_file(graph, with_int8_matrices(ops, tensors), format_version="2")
    return unchecked_file(graph, tensors)


def _nodes(graph: GraphObject) -> list[dict[str, Any]]:
    nodes = graph.get("nodes")
    return [node for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []


def _change_a_number(graph: GraphObject, rng: random.Random) -> None:
    places = [path for path in paths(graph) if type(at(graph, path)) is int and path[0] in ("nodes", "input")]
    if places:
        *way, key = rng.choice(places)
        parent = at(graph, tuple(way))
        parent[key] = max(0, parent[key] + rng.choice([-1, 1, 2, 5, -parent[key], parent[key], rng.randrange(40), 100]))


def _change_an_input(graph: GraphObject, rng: random.Random) -> None:
    nodes = _nodes(graph)
    if nodes:
        number = rng.randrange(len(nodes))
        names = [str(node.get("name")) for node in nodes[:number]]
        inputs = nodes[number].get("inputs")
        if isinstance(inputs, list) and inputs and names:
            inputs[rng.randrange(len(inputs))] = rng.choice(names)


def _put_a_node_in(graph: GraphObject, rng: random.Random) -> None:
    """Put a random operation between a node and one that reads it, or behind the output."""
    nodes = _nodes(graph)
    op, attributes = rng.choice(RANDOM_OPS)
    if not nodes or op == "constant":
        return
    number = rng.randrange(len(nodes))
    name, before = f"new {rng.randrange(10**6)}", nodes[number].get("name")
    count = rng.choice([2, 3]) if NODE_TYPES[op].many else NODE_TYPES[op].count
    lists = {key: list(value) if isinstance(value, tuple) else value for key, value in attributes.items()}
    graph["nodes"].insert(number + 1, {"name": name, "op": op, "inputs": [before] * count, **lists})
    if graph.get("output") == before:
        graph["output"] = name
    for node in _nodes(graph)[number + 2 :]:
        if isinstance(node.get("inputs"), list):
            node["inputs"] = [name if given == before and rng.random() < 0.5 else given for given in node["inputs"]]


def _change_an_operation(graph: GraphObject, rng: random.Random) -> None:
    nodes = _nodes(graph)
    if nodes:
        node, (op, attributes) = rng.choice(nodes), rng.choice(RANDOM_OPS)
        kept = {key: node[key] for key in ("name", "inputs") if key in node}
        lists = {key: list(value) if isinstance(value, tuple) else value for key, value in attributes.items()}
        node.clear()
        node.update({**kept, "op": op, **lists})


def _fitting(graph: Graph, rng: random.Random) -> Tensors:
    """Make random tensors for a checked graph. Raises ValueError where they are many numbers."""
    network = Network(
        graph.input.shape, np.random.default_rng(rng.getrandbits(32)), k=rng.choice([0, 1, 5, 17]),
        density=rng.choice([0.0, 0.1, 0.4, 1.0]), bias=rng.random() < 0.8,
    )  # fmt: skip
    tensors: Tensors = {}
    left = MOST_VALUES
    for node in graph.nodes:
        shapes = [graph.shapes[name] for name in node.inputs]
        for spec in node.tensor_specs(*shapes).values():
            left -= int(np.prod([size if isinstance(size, int) else 20 for size in spec.shape], dtype=float))
        window = getattr(node, "kernel_size", (1, 1))
        if "indptr" in node.tensor_specs(*shapes):
            filters = getattr(node, "filters", getattr(node, "units", 1))
            left -= filters * window[0] * window[1] * (network.k or shapes[0][-1])
        if left < 0:
            raise ValueError("expected fewer numbers")
        tensors |= {f"{node.name}/{name}": array for name, array in network.tensors_of(node, shapes).items()}
    return tensors
