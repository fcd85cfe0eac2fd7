"""The smaller network: every node with the channels that it keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...model.graph import Convolution, DenseLike, Graph, Node
from .weights import Constants, Weights, is_depthwise

Tensors = dict[str, np.ndarray]


def rewritten(
    graph: Graph,
    nodes: Sequence[Node],
    tensors: Mapping[str, np.ndarray],
    weights: Mapping[str, Weights],
    constants: Mapping[str, Constants],
    kept: Mapping[str, np.ndarray],
) -> tuple[Graph, Mapping[str, np.ndarray]]:
    """Give the graph of ``nodes`` with the channels ``kept`` of every value, and its tensors.

    Both are those given where nothing changes, or where float32 does not hold a sum that this makes.
    """
    changed: dict[str, Tensors] = {}
    result = []
    with np.errstate(over="ignore"):
        for node in nodes:
            own, source = kept[node.name], node.inputs[0] if node.inputs else node.name
            made: Tensors | None = None
            if node.name in weights:
                made = weights[node.name].restricted(own, kept[source], constants[source])
            elif len(own) < graph.shapes[node.name][-1]:
                made = _selected(graph, node, tensors, own)
            if made is not None:
                node, changed[node.name] = _with_filters(node, len(own)), made
            result.append(node)
    if not changed or not all(_finite(array) for made in changed.values() for array in made.values()):
        return graph, tensors
    same = {node.name for node in nodes} - changed.keys()
    new = {name: array for name, array in tensors.items() if name.rpartition("/")[0] in same}
    new |= {f"{node}/{name}": array for node, made in changed.items() for name, array in made.items()}
    return replace(graph, nodes=tuple(result)), new


def _selected(graph: Graph, node: Node, tensors: Mapping[str, np.ndarray], own: np.ndarray) -> Tensors | None:
    """Give the tensors of an operation that works channel by channel: each has one number or filter a channel."""
    found = {name: tensors.get(f"{node.name}/{name}") for name in graph.tensor_specs(node)}
    return {name: array[own] for name, array in found.items() if array is not None} or None


def _with_filters(node: Node, count: int) -> Node:
    if is_depthwise(node):
        return replace(node, filters=count, groups=count)  # type: ignore[call-arg]
    if isinstance(node, Convolution):
        return replace(node, filters=count)
    return replace(node, units=count) if isinstance(node, DenseLike) else node


def _finite(array: np.ndarray) -> bool:
    if array.dtype.kind != "f" or array.dtype == np.float16:  # of halves some are chosen, and none is made
        return True
    return bool(np.isfinite(array).all())
