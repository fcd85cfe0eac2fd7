"""The dense networks that a lookup network is compared with: the engine's own, and one of random kernels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lcnn_engine import graph as g
from lcnn_engine.twins import Network, as_dense, dense_kernel, is_lookup, with_dense_layers

__all__ = [
    "Network",
    "as_dense",
    "dense_kernel",
    "dense_twin",
    "is_lookup",
    "lookup_multiplications",
    "two_convolutions",
]


def two_convolutions(graph: g.Graph, tensors: Mapping[str, np.ndarray]) -> Network:
    """The same function as the paper writes it: every lookup layer is a 1x1 convolution with D, then one with P.

    Both are dense, zeros of P included. A layer without a dictionary is the one convolution that it stands for.
    """
    weights = dict(tensors)
    nodes: list[g.Node] = []
    for node in graph.nodes:
        dictionary = weights.pop(f"{node.name}/dictionary", None)
        if dictionary is not None:
            first = _dictionary_node(node, len(dictionary))
            nodes.append(first)
            weights[f"{first.name}/kernel"] = dictionary.reshape(graph.tensor_specs(first)["kernel"].shape)
            node = replace(node, inputs=(first.name,))
        nodes.append(node)
    return as_dense(replace(graph, nodes=tuple(nodes)), weights)


def _dictionary_node(node: g.Node, atoms: int) -> g.Node:
    """The layer S = D X of a lookup node."""
    name = f"{node.name}.dictionary"
    if isinstance(node, g.LookupConv2D):
        return g.Conv2D(name=name, inputs=node.inputs, filters=atoms, kernel_size=(1, 1))
    return g.Dense(name=name, inputs=node.inputs, units=atoms)


def dense_twin(graph: g.Graph, tensors: Mapping[str, np.ndarray], seed: int = 0) -> Network:
    """A dense network of the same shapes: the kernels of former lookup layers are random, of He's scale."""
    rng = np.random.default_rng(seed)

    def kernel(node: g.Node, shape: tuple[int, ...]) -> np.ndarray:
        scale = math.sqrt(2.0 / math.prod(shape[1:]))
        return np.float32(scale) * rng.standard_normal(shape, dtype=np.float32)

    return with_dense_layers(graph, tensors, "dense-twin", kernel)


def lookup_multiplications(graph: g.Graph, tensors: Mapping[str, np.ndarray]) -> int:
    """Lookups times output places, summed over the layers."""
    return sum(
        len(tensors[f"{node.name}/indices"]) * math.prod(graph.shapes[node.name][:-1])
        for node in graph.nodes
        if is_lookup(node)
    )
