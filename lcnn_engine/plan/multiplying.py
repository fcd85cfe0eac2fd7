"""Lookup layers multiplied out: the one dense layer that D and the lookups stand for, in a lookup layer's place.

Where lookups are many, a dense convolution of W = P D takes less time than S = D X and lookups, in int8 above all.
Which layers these are is chosen by ``choosing``, or told; like folding it comes before any rounding, so that what
bfloat16 and int8 are defined on is the network after both.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from ..kernels import sums_of_rows
from ..model.graph import Conv2D, Dense, Graph, LookupConv2D, LookupDense, Node

__all__ = ["Network", "dense_layer", "dense_shape", "dense_weights", "is_lookup", "multiplied_out", "with_room"]

Network = tuple[Graph, Mapping[str, np.ndarray]]

LOOKUP_TENSORS = ("dictionary", "indptr", "indices", "coefficients")
LARGEST = 3.3e38  # of a weight, which bfloat16 still holds

# Numbers that dense layers may have in all, and for each that the network's tensors have: a file of a few bytes must
# not take any amount of memory when it is loaded.
MAX_WEIGHTS, WEIGHTS_FOR_EACH = 2**22, 4


def is_lookup(node: Node) -> bool:
    """Tell whether ``node`` is a lookup layer."""
    return isinstance(node, LookupConv2D | LookupDense)


def dense_layer(node: Node) -> Conv2D | Dense:
    """Make the dense layer of a lookup layer's name, inputs and attributes."""
    kind = Conv2D if isinstance(node, LookupConv2D) else Dense
    return kind(name=node.name, inputs=node.inputs, **node.attributes())


def dense_shape(graph: Graph, node: Node) -> tuple[int, ...]:
    """Give the shape of the weights that a lookup layer stands for."""
    specs = dense_layer(node).tensor_specs(*(graph.shapes[name] for name in node.inputs))
    return tuple(int(size) for size in specs["kernel"].shape)


def with_room(graph: Graph, tensors: Mapping[str, np.ndarray], names: Collection[str]) -> list[str]:
    """Keep those of the lookup layers ``names`` that may be multiplied out within the memory that there is for it."""
    left = MAX_WEIGHTS + WEIGHTS_FOR_EACH * sum(array.size for array in tensors.values())
    kept = []
    for name in names:
        size = prod(dense_shape(graph, graph[name]))
        if size <= left:
            left -= size
            kept.append(name)
    return kept


def multiplied_out(graph: Graph, tensors: Mapping[str, np.ndarray], names: Collection[str]) -> Network:
    """Put dense layers in the place of the lookup layers ``names``, those that the graph has; everything else stays.

    So does a layer whose weights would be no numbers that every precision holds.
    """
    dense: dict[str, Node] = {}
    kept = dict(tensors)
    for node in graph.nodes:
        if node.name in names and is_lookup(node):
            weights = dense_weights(node, tensors, graph.shapes[node.inputs[0]][-1])
            if not np.abs(weights).max(initial=0.0) < LARGEST:  # or NaN
                continue
            for key in LOOKUP_TENSORS:
                kept.pop(f"{node.name}/{key}", None)
            kept[f"{node.name}/kernel"] = weights
            dense[node.name] = dense_layer(node)
    if not dense:
        return graph, tensors
    return replace(graph, nodes=tuple(dense.get(node.name, node) for node in graph.nodes)), kept


def dense_weights(node: Node, tensors: Mapping[str, np.ndarray], channels: int) -> np.ndarray:
    """Multiply a lookup layer out: W[o, :, r, c] = sum of C * D[I], float32 (n, m, kh, kw), or (n, m) of a vector.

    Summed up in float64 in the order of the lookups, so that the result depends on no library and no thread.
    """
    dictionary = tensors.get(f"{node.name}/dictionary")
    indptr, indices, coefficients = (tensors[f"{node.name}/{key}"] for key in LOOKUP_TENSORS[1:])
    kh, kw = node.kernel_size if isinstance(node, LookupConv2D) else (1, 1)
    atoms, filters = channels if dictionary is None else len(dictionary), len(indptr) - 1
    weights = np.zeros((filters * kh * kw, channels), np.float32)
    tap, atom = np.divmod(indices.astype(np.int64), max(1, atoms))
    row = np.repeat(np.arange(filters), np.diff(indptr)) * (kh * kw) + tap
    if dictionary is None:
        weights[row, atom] = coefficients  # an index stands in a list but once
    elif len(indices):
        order = np.argsort(row, kind="stable")
        starts = np.searchsorted(row[order], np.arange(len(weights) + 1))
        factors, matrix = (np.ascontiguousarray(a, np.float32) for a in (coefficients[order], dictionary))
        sums_of_rows(starts, atom[order], factors, matrix, weights)
    kernel = weights.reshape(filters, kh, kw, channels).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(kernel if isinstance(node, LookupConv2D) else kernel[:, :, 0, 0])
