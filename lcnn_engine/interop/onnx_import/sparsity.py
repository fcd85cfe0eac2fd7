"""Kernels that are mostly zeros become lookups: pruned layers, and with a 1x1 layer before them lookup layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ...model.graph import Conv2D, Dense, LookupConv2D, LookupDense, Node

__all__ = ["lookups_are_faster", "with_lookups"]

Tensors = dict[str, np.ndarray]
LOOKUP = 2.0  # the time of a lookup, in multiplications of a dense kernel


def lookups_are_faster(nonzeros: int, weights: int) -> bool:
    """Estimate whether a layer of ``weights``, of which ``nonzeros`` are other than 0, runs faster as lookups.

    The one place where that is decided for a model that comes in. A lookup loads what it multiplies, a dense kernel
    has it in registers: so the one takes LOOKUP times the other.
    """
    return LOOKUP * nonzeros < weights


def with_lookups(nodes: Iterable[Node], tensors: Tensors, output: str) -> tuple[list[Node], Tensors]:
    """Replace layers whose kernels are mostly zeros; a 1x1 layer S = D * X that only such a one reads joins it."""
    nodes, tensors = list(nodes), dict(tensors)
    readers = Counter(name for node in nodes for name in node.inputs)
    readers[output] += 1
    found: dict[str, Node] = {}
    for node in nodes:
        if isinstance(node, (Conv2D, Dense)) and _is_sparse(node, tensors):
            dictionary = found.get(node.inputs[0])
            if dictionary is not None and readers[dictionary.name] == 1 and _is_dictionary(dictionary, node, tensors):
                del found[dictionary.name]
                kernel = tensors.pop(f"{dictionary.name}/kernel")
                tensors[f"{node.name}/dictionary"] = kernel.reshape(kernel.shape[:2])
                node = _lookup_layer(node, dictionary.inputs, tensors)
            else:
                node = _lookup_layer(node, node.inputs, tensors)
        found[node.name] = node
    return list(found.values()), tensors


def _is_sparse(node: Conv2D | Dense, tensors: Tensors) -> bool:
    if isinstance(node, Conv2D) and node.groups > 1:
        return False
    kernel = tensors[f"{node.name}/kernel"]
    return lookups_are_faster(int(np.count_nonzero(kernel)), kernel.size)


def _is_dictionary(node: Node, reader: Node, tensors: Tensors) -> bool:
    """Tell whether a layer is S = D * X: each pixel by itself, without bias or activation."""
    if isinstance(node, Conv2D) and isinstance(reader, Conv2D):
        plain = (node.kernel_size, node.strides, node.padding, node.groups) == ((1, 1), (1, 1), (0, 0, 0, 0), 1)
    else:
        plain = isinstance(node, Dense) and isinstance(reader, Dense)
    return plain and getattr(node, "activation", "") == "linear" and f"{node.name}/bias" not in tensors


def _lookup_layer(node: Conv2D | Dense, inputs: tuple[str, ...], tensors: Tensors) -> Node:
    """Make the lookup layer of a dense one, and its I and C of the kernel."""
    kernel = tensors.pop(f"{node.name}/kernel")
    P = (kernel.transpose(0, 2, 3, 1) if kernel.ndim == 4 else kernel).reshape(len(kernel), -1)
    rows, columns = np.nonzero(P)
    tensors[f"{node.name}/indptr"] = np.searchsorted(rows, np.arange(len(P) + 1)).astype(np.int32)
    tensors[f"{node.name}/indices"] = columns.astype(np.int32)
    tensors[f"{node.name}/coefficients"] = P[rows, columns]
    fields = node.attributes()
    if isinstance(node, Conv2D):
        del fields["groups"]
        return LookupConv2D(name=node.name, inputs=inputs, **fields)
    return LookupDense(name=node.name, inputs=inputs, **fields)
