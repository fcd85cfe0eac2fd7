"""What a network costs: the LCNN paper's counting rule, lookups, densities, bytes.

The rule counts multiplications of one input. A dense convolution makes |output| * m/groups * kh * kw. A lookup
convolution makes |S| * m, where S spans the padded input at stride 1, and one for every lookup at every output
position: |output| * k * kh * kw * density(P). Everything else makes none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..model.graph import Conv2D, Dense, Graph, LookupConv2D, LookupDense, Node, Shape

__all__ = ["NodeCost", "Size", "cost_of", "lookup_cost", "plain_cost", "totals"]


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
    """Multiplications of the node as a dense convolution: of its dense equivalent, for a lookup layer."""
    multiplications: int
    """Multiplications of the node as it is."""
    of_lookups: int
    """Those of ``multiplications`` that lookups make; the rest of a lookup layer's are the dictionary's."""
    weights: int
    """Numbers that were learned; of a lookup layer D, C and the bias, not where the lookups are."""
    bytes: int
    """Of its tensors."""


@dataclass(frozen=True)
class Size:
    """What a node holds: ``weights`` learned numbers in ``bytes``, where the lookups are included."""

    weights: int = 0
    bytes: int = 0


def plain_cost(name: str, op: str, shape: Shape, inputs: int, size: Size) -> NodeCost:
    """Compute the cost of a node that makes every number of its output by ``inputs`` multiplications."""
    made = math.prod(shape) * inputs
    return NodeCost(name, op, shape, None, None, None, made, made, 0, size.weights, size.bytes)


def lookup_cost(
    name: str,
    op: str,
    shape: Shape,
    *,
    channels: int,
    atoms: int | None,
    taps: int,
    positions: int,
    lookups: int,
    size: Size,
) -> NodeCost:
    """Compute the cost of a lookup layer: ``atoms`` (None: no dictionary), kh * kw ``taps``, ``positions`` of S."""
    filters, k = shape[-1], channels if atoms is None else atoms
    columns = filters * taps * k
    of_lookups = lookups * (math.prod(shape) // filters)
    return NodeCost(
        name=name,
        op=op,
        shape=shape,
        atoms=k,
        lookups=lookups,
        density=lookups / columns if columns else 0.0,
        dense=math.prod(shape) * taps * channels,
        multiplications=(0 if atoms is None else positions * atoms * channels) + of_lookups,
        of_lookups=of_lookups,
        weights=size.weights,
        bytes=size.bytes,
    )


def cost_of(graph: Graph, tensors: Mapping[str, np.ndarray], stored: Mapping[str, int] | None = None) -> list[NodeCost]:
    """Compute the cost of every node. ``stored``: bytes of each tensor in the file, where they are fp16, say."""
    stored = stored or {}
    sizes = dict.fromkeys(graph.by_name, Size())
    for name, array in tensors.items():
        node, _, key = name.rpartition("/")
        weights = 0 if key in ("indptr", "indices") else array.size
        sizes[node] = Size(sizes[node].weights + weights, sizes[node].bytes + stored.get(name, array.nbytes))
    return [_cost(graph, tensors, node, sizes[node.name]) for node in graph.nodes]


def totals(costs: Iterable[NodeCost]) -> dict[str, int]:
    """Sum up over all nodes: ``lookups``, ``dense``, ``multiplications``, ``of_lookups``, ``weights``, ``bytes``."""
    listed = list(costs)
    keys = ("lookups", "dense", "multiplications", "of_lookups", "weights", "bytes")
    return {key: sum(getattr(cost, key) or 0 for cost in listed) for key in keys}


def _cost(graph: Graph, tensors: Mapping[str, np.ndarray], node: Node, size: Size) -> NodeCost:
    shape = graph.shapes[node.name]
    if isinstance(node, (LookupConv2D, LookupDense)):
        source, dictionary = graph.shapes[node.inputs[0]], tensors.get(f"{node.name}/dictionary")
        return lookup_cost(
            node.name,
            node.op,
            shape,
            channels=source[-1],
            atoms=None if dictionary is None else len(dictionary),
            taps=math.prod(node.kernel_size) if isinstance(node, LookupConv2D) else 1,
            positions=math.prod(node.padded(source)[:2]) if isinstance(node, LookupConv2D) else 1,
            lookups=len(tensors[f"{node.name}/indices"]),
            size=size,
        )
    weighted = isinstance(node, (Conv2D, Dense))
    inputs = math.prod(tensors[f"{node.name}/kernel"].shape[1:]) if weighted else 0
    return plain_cost(node.name, node.op, shape, inputs, size)
