"""Twins of a lookup network, the same function in ordinary layers: each lookup layer as one, or as two, D and P."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace

import numpy as np

from ..model.graph import NODE_TYPES, Conv2D, Dense, Graph, LookupConv2D, LookupDense, Node
from ..model.reference import sparse_kernel

Network = tuple[Graph, dict[str, np.ndarray]]
LOOKUP_TENSORS = ("dictionary", "indptr", "indices", "coefficients")
PIECE = 2**22  # weights written out at once, in float64: a whole layer's would take three times its memory


def is_lookup(node: Node) -> bool:
    return isinstance(node, (LookupConv2D, LookupDense))


def dense_node(node: Node) -> Node:
    """The dense operation of a lookup node's shape."""
    return NODE_TYPES["conv2d" if isinstance(node, LookupConv2D) else "dense"](
        name=node.name, inputs=node.inputs, **node.attributes()
    )


def dense_kernel(node: Node, tensors: Mapping[str, np.ndarray], channels: int) -> np.ndarray:
    """What a lookup node computes, as a dense kernel: W[o, :, r, c] = sum of C * D[I] (section 3.1); float32.

    (n, m, kh, kw) for a convolution, (n, m) for a layer on vectors.
    """
    dictionary = tensors.get(f"{node.name}/dictionary")
    indptr, indices, coefficients = (tensors[f"{node.name}/{key}"] for key in LOOKUP_TENSORS[1:])
    kh, kw = node.kernel_size if isinstance(node, LookupConv2D) else (1, 1)
    atoms = channels if dictionary is None else len(dictionary)
    lookups = sparse_kernel(indptr, indices, coefficients, kh * kw * atoms)
    kernel = np.empty((lookups.shape[0], channels, kh, kw), np.float32)
    step = max(1, PIECE // (channels * kh * kw))
    for first in range(0, len(kernel), step):
        part = lookups[first : first + step]
        taps = part.reshape((part.shape[0] * kh * kw, atoms)).tocsr()
        flat = taps.toarray() if dictionary is None else taps @ dictionary.astype(np.float64)
        kernel[first : first + step] = flat.reshape(-1, kh, kw, channels).transpose(0, 3, 1, 2)
    return kernel if isinstance(node, LookupConv2D) else kernel[:, :, 0, 0]


def as_dense(graph: Graph, tensors: Mapping[str, np.ndarray]) -> Network:
    """The same function, every lookup layer written out as the dense layer that computes the same."""

    def kernel(node: Node, _: tuple[int, ...]) -> np.ndarray:
        return dense_kernel(node, tensors, graph.shapes[node.inputs[0]][-1])

    return with_dense_layers(graph, tensors, "as-dense", kernel)


def as_two_layers(graph: Graph, tensors: Mapping[str, np.ndarray]) -> Network:
    """The same function, every lookup layer as two: S = D * X, 1x1 and named ``<node>_dictionary``, and S * P.

    P is dense and mostly zeros, so it takes k / m times the memory of the layer's dense twin. D has no bias, so S is 0
    where X is, and the padding can wait for P. A layer without a dictionary stays one.
    """
    weights = {name: tensor for name, tensor in tensors.items() if name.rpartition("/")[2] not in LOOKUP_TENSORS}
    nodes: list[Node] = []
    for node in graph.nodes:
        if is_lookup(node):
            P = dense_node(node)
            dictionary = tensors.get(f"{node.name}/dictionary")
            channels = graph.shapes[node.inputs[0]][-1]
            if dictionary is not None:
                D = _dictionary_node(node, len(dictionary), graph.by_name)
                nodes.append(D)
                weights[f"{D.name}/kernel"] = dictionary.reshape(*dictionary.shape, *[1] * (2 * (D.op == "conv2d")))
                P, channels = replace(P, inputs=(D.name,)), len(dictionary)
            sparse = {name: tensor for name, tensor in tensors.items() if name != f"{node.name}/dictionary"}
            weights[f"{node.name}/kernel"] = dense_kernel(node, sparse, channels)
            node = P
        nodes.append(node)
    return replace(graph, name=f"{graph.name}-two-layers", nodes=tuple(nodes)), weights


def _dictionary_node(node: Node, atoms: int, taken: Container[str]) -> Node:
    name = f"{node.name}_dictionary"
    while name in taken:
        name += "_"
    if isinstance(node, LookupConv2D):
        return Conv2D(name=name, inputs=node.inputs, filters=atoms, kernel_size=(1, 1))
    return Dense(name=name, inputs=node.inputs, units=atoms)


def with_dense_layers(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    suffix: str,
    kernel_of: Callable[[Node, tuple[int, ...]], np.ndarray],
) -> Network:
    """``graph`` with dense layers for lookup layers; ``kernel_of(lookup node, shape)`` gives their kernels."""
    gone = {f"{node.name}/{key}" for node in graph.nodes if is_lookup(node) for key in LOOKUP_TENSORS}
    weights = {name: tensor for name, tensor in tensors.items() if name not in gone}
    nodes = []
    for node in graph.nodes:
        if is_lookup(node):
            dense = dense_node(node)
            shape = tuple(int(size) for size in graph.tensor_specs(dense)["kernel"].shape)
            weights[f"{node.name}/kernel"] = kernel_of(node, shape)
            node = dense
        nodes.append(node)
    return replace(graph, name=f"{graph.name}-{suffix}", nodes=tuple(nodes)), weights
