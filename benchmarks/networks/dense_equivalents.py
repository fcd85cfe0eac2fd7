"""The dense networks that a lookup network is compared with: the engine's own, and one of random kernels."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from lcnn_engine.interop.dense import GraphAndTensors, is_lookup, with_dense_layers
from lcnn_engine.model import graph as g

__all__ = ["lookup_multiplications", "random_dense_equivalent"]


def random_dense_equivalent(graph: g.Graph, tensors: Mapping[str, np.ndarray], seed: int = 0) -> GraphAndTensors:
    """Make a dense network of the same shapes: the kernels of former lookup layers are random, of He's scale."""
    rng = np.random.default_rng(seed)

    def kernel(node: g.Node, shape: tuple[int, ...]) -> np.ndarray:
        scale = math.sqrt(2.0 / math.prod(shape[1:]))
        return np.float32(scale) * rng.standard_normal(shape, dtype=np.float32)

    return with_dense_layers(graph, tensors, "dense-equivalent", kernel)


def lookup_multiplications(graph: g.Graph, tensors: Mapping[str, np.ndarray]) -> int:
    """Count lookups times output positions, summed over the layers."""
    return sum(
        len(tensors[f"{node.name}/indices"]) * math.prod(graph.shapes[node.name][:-1])
        for node in graph.nodes
        if is_lookup(node)
    )
