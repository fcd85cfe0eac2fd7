"""The dense networks that a lookup network is compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lcnn_engine import graph as g
from lcnn_engine.reference import sparse_kernel

Network = tuple[g.Graph, dict[str, np.ndarray]]
LOOKUP_TENSORS = ("dictionary", "indptr", "indices", "coefficients")


def is_lookup(node: g.Node) -> bool:
    return isinstance(node, g.LookupConv2D | g.LookupDense)


def dense_node(node: g.Node) -> g.Node:
    """The dense operation of a lookup node's shape."""
    return g.NODE_TYPES["conv2d" if isinstance(node, g.LookupConv2D) else "dense"](
        name=node.name, inputs=node.inputs, **node.attributes()
    )


def dense_kernel(node: g.Node, tensors: Mapping[str, np.ndarray], channels: int) -> np.ndarray:
    """What a lookup node computes, as a dense kernel: W[o, :, r, c] = sum of C * D[I]; float32.

    (n, m, kh, kw) for a convolution, (n, m) for a layer on vectors.
    """
    dictionary, *csr = (tensors.get(f"{node.name}/{key}") for key in LOOKUP_TENSORS)
    kh, kw = node.kernel_size if isinstance(node, g.LookupConv2D) else (1, 1)
    atoms = channels if dictionary is None else len(dictionary)
    lookups = sparse_kernel(*csr, kh * kw * atoms)
    filters = lookups.shape[0]
    taps = lookups.reshape((filters * kh * kw, atoms)).tocsr()
    flat = taps.toarray() if dictionary is None else taps @ dictionary.astype(np.float64)
    kernel = flat.reshape(filters, kh, kw, channels).transpose(0, 3, 1, 2).astype(np.float32)
    return np.ascontiguousarray(kernel if isinstance(node, g.LookupConv2D) else kernel[:, :, 0, 0])


def as_dense(graph: g.Graph, tensors: Mapping[str, np.ndarray]) -> Network:
    """The same function, every lookup layer written out as the dense layer that computes the same."""

    def kernel(node: g.Node, _: tuple[int, ...]) -> np.ndarray:
        return dense_kernel(node, tensors, graph.shapes[node.inputs[0]][-1])

    return _with_dense_layers(graph, tensors, "as-dense", kernel)


def dense_twin(graph: g.Graph, tensors: Mapping[str, np.ndarray], seed: int = 0) -> Network:
    """A dense network of the same shapes: the kernels of former lookup layers are random, of He's scale."""
    rng = np.random.default_rng(seed)

    def kernel(node: g.Node, shape: tuple[int, ...]) -> np.ndarray:
        scale = math.sqrt(2.0 / math.prod(shape[1:]))
        return np.float32(scale) * rng.standard_normal(shape, dtype=np.float32)

    return _with_dense_layers(graph, tensors, "dense-twin", kernel)


def _with_dense_layers(graph: g.Graph, tensors: Mapping[str, np.ndarray], suffix: str, kernel_of) -> Network:
    """``graph`` with dense layers for lookup layers; ``kernel_of(lookup node, shape)`` gives their kernels."""
    gone = {f"{node.name}/{key}" for node in graph.nodes if is_lookup(node) for key in LOOKUP_TENSORS}
    weights = {name: tensor for name, tensor in tensors.items() if name not in gone}
    nodes = []
    for node in graph.nodes:
        if is_lookup(node):
            dense = dense_node(node)
            weights[f"{node.name}/kernel"] = kernel_of(node, graph.tensor_specs(dense)["kernel"].shape)
            node = dense
        nodes.append(node)
    return replace(graph, name=f"{graph.name}-{suffix}", nodes=tuple(nodes)), weights


def lookup_multiplications(graph: g.Graph, tensors: Mapping[str, np.ndarray]) -> int:
    """Lookups times output places, summed over the layers."""
    return sum(
        len(tensors[f"{node.name}/indices"]) * math.prod(graph.shapes[node.name][:-1])
        for node in graph.nodes
        if is_lookup(node)
    )
