"""What a network costs: the LCNN paper's counting rule, lookups, densities, bytes.

The rule counts multiplications of one input. A dense convolution makes |output| * m/groups * kh * kw. A lookup
convolution makes |S| * m, where S spans the padded input at stride 1, and one for every lookup at every output place:
|output| * k * kh * kw * density(P). Everything else makes none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from .graph import Conv2D, Dense, Graph, LookupConv2D, LookupDense, Node, Shape


@dataclass(frozen=True)
class NodeCost:
    """The cost of one node; what it does not have is None."""

    name: str
    op: str
    shape: Shape
    """Of its output."""
    atoms: int | None
    """k; the input's channels where there is no dictionary."""
    lookups: int | None
    density: float | None
    """lookups / (n * kh * kw * k)."""
    dense: int
    """Multiplications of the node as a dense convolution: of its dense twin, for a lookup layer."""
    multiplications: int
    """Multiplications of the node as it is."""
    of_lookups: int
    """Those of ``multiplications`` that lookups make; the rest of a lookup layer's are the dictionary's."""
    bytes: int
    """Of its tensors."""


def cost_of(graph: Graph, tensors: Mapping[str, np.ndarray], stored: Mapping[str, int] | None = None) -> list[NodeCost]:
    """The cost of every node. ``stored``: bytes of each tensor in the file, where they are halves, say."""
    stored = stored or {}
    sizes = dict.fromkeys(graph.by_name, 0)
    for name, array in tensors.items():
        sizes[name.rpartition("/")[0]] += stored.get(name, array.nbytes)
    return [_cost(graph, tensors, node, sizes[node.name]) for node in graph.nodes]


def totals(costs: Iterable[NodeCost]) -> dict[str, int]:
    """Sums over all nodes: ``lookups``, ``dense``, ``multiplications``, ``of_lookups``, ``bytes``."""
    listed = list(costs)
    keys = ("lookups", "dense", "multiplications", "of_lookups", "bytes")
    return {key: sum(getattr(cost, key) or 0 for cost in listed) for key in keys}


def _cost(graph: Graph, tensors: Mapping[str, np.ndarray], node: Node, size: int) -> NodeCost:
    source, shape = graph.shapes[node.inputs[0]], graph.shapes[node.name]
    if isinstance(node, (LookupConv2D, LookupDense)):
        return _lookup_cost(tensors, node, source, shape, size)
    dense = 0
    if isinstance(node, (Conv2D, Dense)):
        dense = math.prod(shape) * math.prod(tensors[f"{node.name}/kernel"].shape[1:])
    return NodeCost(node.name, node.op, shape, None, None, None, dense, dense, 0, size)


def _lookup_cost(
    tensors: Mapping[str, np.ndarray], node: LookupConv2D | LookupDense, source: Shape, shape: Shape, size: int
) -> NodeCost:
    dictionary = tensors.get(f"{node.name}/dictionary")
    atoms = source[-1] if dictionary is None else len(dictionary)
    lookups = len(tensors[f"{node.name}/indices"])
    taps = math.prod(node.kernel_size) if isinstance(node, LookupConv2D) else 1
    places = math.prod(node.padded(source)[:2]) if isinstance(node, LookupConv2D) else 1
    columns = shape[-1] * taps * atoms
    of_lookups = lookups * (math.prod(shape) // shape[-1])
    of_dictionary = 0 if dictionary is None else atoms * places * source[-1]
    return NodeCost(
        name=node.name,
        op=node.op,
        shape=shape,
        atoms=atoms,
        lookups=lookups,
        density=lookups / columns if columns else 0.0,
        dense=math.prod(shape) * taps * source[-1],
        multiplications=of_dictionary + of_lookups,
        of_lookups=of_lookups,
        bytes=size,
    )
