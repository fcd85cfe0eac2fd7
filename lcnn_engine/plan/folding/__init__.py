"""Folding: the same network without what never changes, and without what nobody reads.

A filter without lookups or weights gives one number, act(bias), at every pixel: it is not computed, and what it adds to
the layers after it goes into their biases. Channels and atoms that nobody reads go, and lookups of a dictionary over
one channel become lookups of that channel. ``weights``: of one layer, what never changes, what is read, what it
becomes; ``constants``: how far through the network what never changes goes; ``channels``: which stay; ``rewriting``:
the graph and tensors of these. Nothing but rounding changes; what somebody asks for keeps all of its channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...model.graph import Graph
from ..fusion import needed_nodes
from .channels import kept_channels
from .constants import constants_of
from .rewriting import rewritten
from .weights import weights_of

__all__ = ["fold"]

MAX_CHANNELS = 2**20  # of all values together: some thirty bytes are taken for each


def fold(
    graph: Graph, tensors: Mapping[str, np.ndarray], outputs: Sequence[str]
) -> tuple[Graph, Mapping[str, np.ndarray]]:
    """Make a network that gives the same at ``outputs``, names of nodes, with less to compute.

    It has the nodes that those need, by their names and in their order, and no other tensors than theirs; inner values
    have fewer channels. Gives ``graph`` and ``tensors`` themselves where there is nothing to fold, or too much to look
    at.
    """
    nodes = needed_nodes(graph, outputs)
    if sum(graph.shapes[node.name][-1] for node in nodes) > MAX_CHANNELS:
        return graph, tensors
    found = {node.name: weights_of(node, tensors, graph.shapes[node.inputs[0]][-1]) for node in nodes if node.inputs}
    weights = {name: one for name, one in found.items() if one is not None}
    if not weights:
        return graph, tensors
    constants = constants_of(graph, nodes, tensors, weights)
    kept = kept_channels(graph, nodes, outputs, weights, constants)
    return (graph, tensors) if kept is None else rewritten(graph, nodes, tensors, weights, constants, kept)
