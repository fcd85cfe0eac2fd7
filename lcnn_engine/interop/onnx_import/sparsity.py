"""Kernels that are mostly zeros become lookups: pruned layers, and with a 1x1 layer before them lookup layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from ...model.graph import Conv2D, Dense, LookupConv2D, LookupDense, Node, Shape

__all__ = ["as_lookups", "lookups_are_faster", "with_lookups"]

Tensors = dict[str, np.ndarray]

# the time of a lookup, in multiplications of the dense layer, where both take as long (docs/measure_sparse_layers.py)
IN_ROWS = 1.6  # of a convolution, rows of pixels one after the other
APART = 2.5  # of one whose rows are short, or lie apart in the phases of a stride
OF_ONE = 5.0  # of a fully connected layer, which has one result of each filter
SHORT = 8  # pixels


def lookups_are_faster(node: Conv2D | Dense, output: Shape, nonzeros: int, weights: int) -> bool:
    """Estimate whether a layer of ``weights``, of which ``nonzeros`` are other than 0, runs faster as lookups.

    The one place where that is decided for a model that comes in: ``output`` is the shape of the layer's result. A
    lookup loads what it multiplies, a dense kernel has it in registers, and the more results there are of one lookup,
    the less it is to find it. Where both take as long, lookups are the smaller.
    """
    if isinstance(node, Dense) or output[:2] == (1, 1):
        lookup = OF_ONE
    else:
        lookup = APART if node.strides != (1, 1) or min(output[:2]) < SHORT else IN_ROWS
    return lookup * nonzeros <= weights


def with_lookups(
    nodes: Iterable[Node], tensors: Tensors, shapes: Mapping[str, Shape], output: str
) -> tuple[list[Node], Tensors]:
    """Replace layers whose kernels are mostly zeros; a 1x1 layer S = D * X that only such a one reads joins it.

    ``shapes``: of what the nodes give, by their names.
    """
    nodes, tensors = list(nodes), dict(tensors)
    readers = Counter(name for node in nodes for name in node.inputs)
    readers[output] += 1
    found: dict[str, Node] = {}
    for node in nodes:
        if isinstance(node, (Conv2D, Dense)) and _is_sparse(node, tensors, shapes[node.name]):
            dictionary = found.get(node.inputs[0])
            if dictionary is not None and readers[dictionary.name] == 1 and _is_dictionary(dictionary, node, tensors):
                del found[dictionary.name]
                kernel = tensors.pop(f"{dictionary.name}/kernel")
                tensors[f"{node.name}/dictionary"] = kernel.reshape(kernel.shape[:2])
                node = as_lookups(node, dictionary.inputs, tensors)
            else:
                node = as_lookups(node, node.inputs, tensors)
        found[node.name] = node
    return list(found.values()), tensors


def _is_sparse(node: Conv2D | Dense, tensors: Tensors, output: Shape) -> bool:
    if isinstance(node, Conv2D) and node.groups > 1:
        return False
    kernel = tensors[f"{node.name}/kernel"]
    return lookups_are_faster(node, output, int(np.count_nonzero(kernel)), kernel.size)


def _is_dictionary(node: Node, reader: Node, tensors: Tensors) -> bool:
    """Tell whether a layer is S = D * X: each pixel by itself, without bias or activation."""
    if isinstance(node, Conv2D) and isinstance(reader, Conv2D):
        plain = (node.kernel_size, node.strides, node.padding, node.groups) == ((1, 1), (1, 1), (0, 0, 0, 0), 1)
    else:
        plain = isinstance(node, Dense) and isinstance(reader, Dense)
    return plain and getattr(node, "activation", "") == "linear" and f"{node.name}/bias" not in tensors


def as_lookups(node: Conv2D | Dense, inputs: tuple[str, ...], tensors: Tensors) -> Node:
    """Make the lookup layer of a dense one, and in ``tensors`` its I and C of the kernel."""
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
