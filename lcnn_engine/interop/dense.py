"""Dense equivalents of a lookup network: the same function in ordinary layers.

:func:`dense_equivalent` writes each lookup layer out as the one layer that it stands for,
:func:`two_layer_equivalent` as two, D and P.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..model.graph import Conv2D, Dense, Graph, LookupConv2D, LookupDense, Node, elements
from ..model.reference import sparse_kernel
from ..utils.moved import former_names

__all__ = [
    "GraphAndTensors",
    "check_dense_equivalent",
    "dense_equivalent",
    "dense_kernel",
    "dense_node",
    "is_lookup",
    "two_layer_equivalent",
    "with_dense_layers",
]

GraphAndTensors = tuple[Graph, dict[str, np.ndarray]]  # as read_model gives them: tensors by <node>/<tensor>
LOOKUP_TENSORS = ("dictionary", "indptr", "indices", "coefficients")
PIECE = 2**22  # weights written out at once, in float64: a whole layer's would take three times its memory


def is_lookup(node: Node) -> bool:
    """Tell whether ``node`` is a lookup layer."""
    return isinstance(node, (LookupConv2D, LookupDense))


def dense_node(node: Node) -> Conv2D | Dense:
    """Make the dense operation of a lookup node's name, inputs and attributes."""
    kind = Conv2D if isinstance(node, LookupConv2D) else Dense
    return kind(name=node.name, inputs=node.inputs, **node.attributes())


def dense_kernel(node: Node, tensors: Mapping[str, np.ndarray], channels: int) -> np.ndarray:
    """Write out what a lookup node computes as a dense kernel: W[o, :, r, c] = sum of C * D[I] (section 3.1).

    ``tensors`` are those of the graph, ``channels`` m. Gives float32 (n, m, kh, kw) for a convolution, (n, m) for a
    layer on vectors. Needs SciPy.
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


def check_dense_equivalent(graph: Graph, max_bytes: int, max_multiplications: int) -> None:
    """Hold the weights of a dense equivalent to ``max_bytes``, and what it computes to ``max_multiplications``.

    The file may be small, and ask for neither itself. Raises InputError.
    """
    weights = multiplications = 0
    for node in filter(is_lookup, graph.nodes):
        shape = dense_node(node).tensor_specs(*(graph.shapes[name] for name in node.inputs))["kernel"].shape
        sizes = [int(size) for size in shape]
        weights += 4 * elements(sizes)
        multiplications += elements(graph.shapes[node.name]) * elements(sizes[1:])
    for name, found, most in (
        ("max_bytes", weights, max_bytes), ("max_multiplications", multiplications, max_multiplications),
    ):  # fmt: skip
        if found > most:
            raise InputError(
                f"expected a dense equivalent whose weights or work are at most {most} ({name}), found {found}; "
                "profile the network alone (--no-dense)"
            )


def dense_equivalent(graph: Graph, tensors: Mapping[str, np.ndarray]) -> GraphAndTensors:
    """Write every lookup layer out as the dense layer that computes the same; names and shapes stay."""

    def kernel(node: Node, _: tuple[int, ...]) -> np.ndarray:
        return dense_kernel(node, tensors, graph.shapes[node.inputs[0]][-1])

    return with_dense_layers(graph, tensors, "as-dense", kernel)


def two_layer_equivalent(graph: Graph, tensors: Mapping[str, np.ndarray]) -> GraphAndTensors:
    """Write every lookup layer out as two: S = D * X, 1x1 and named ``<node>_dictionary``, then S * P (section 3.2).

    P is dense and mostly zeros, so it takes k / m times the memory of the layer's dense equivalent. D has no bias, so S
    is 0 where X is, and the padding can wait for P. A layer without a dictionary stays one.
    """
    weights = _without_lookups(graph, tensors)
    nodes: list[Node] = []
    for node in graph.nodes:
        if not is_lookup(node):
            nodes.append(node)
            continue
        for layer, kernel in _two_layers(graph, node, tensors):
            nodes.append(layer)
            weights[f"{layer.name}/kernel"] = kernel
    return replace(graph, name=f"{graph.name}-two-layers", nodes=tuple(nodes)), weights


def _two_layers(
    graph: Graph, node: Node, tensors: Mapping[str, np.ndarray]
) -> Iterator[tuple[Conv2D | Dense, np.ndarray]]:
    """Make D, where the lookup node has a dictionary, and P, each with its kernel."""
    dictionary = tensors.get(f"{node.name}/dictionary")
    P, channels = dense_node(node), graph.shapes[node.inputs[0]][-1]
    if dictionary is not None:
        D = _dictionary_node(node, len(dictionary), {graph.input.name, *graph.by_name})
        yield D, dictionary[..., None, None] if isinstance(D, Conv2D) else dictionary
        P, channels = replace(P, inputs=(D.name,)), len(dictionary)
    sparse = {name: tensor for name, tensor in tensors.items() if name != f"{node.name}/dictionary"}
    yield P, dense_kernel(node, sparse, channels)


def _dictionary_node(node: Node, atoms: int, taken: Container[str]) -> Conv2D | Dense:
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
) -> GraphAndTensors:
    """Replace lookup layers by dense ones of their shapes, with the kernels that ``kernel_of`` gives.

    ``kernel_of(lookup node, shape)`` gives float32 of that shape: (n, m, kh, kw), or (n, m) for a layer on vectors. The
    graph's name gets ``-suffix``; biases stay.
    """
    weights = _without_lookups(graph, tensors)
    nodes = []
    for node in graph.nodes:
        if is_lookup(node):
            dense = dense_node(node)
            shape = tuple(int(size) for size in graph.tensor_specs(dense)["kernel"].shape)
            weights[f"{node.name}/kernel"] = kernel_of(node, shape)
            node = dense
        nodes.append(node)
    return replace(graph, name=f"{graph.name}-{suffix}", nodes=tuple(nodes)), weights


def _without_lookups(graph: Graph, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give all tensors but those that only lookup layers have."""
    replaced = {f"{node.name}/{key}" for node in graph.nodes if is_lookup(node) for key in LOOKUP_TENSORS}
    return {name: tensor for name, tensor in tensors.items() if name not in replaced}


former_names(__name__, as_dense="dense_equivalent", as_two_layers="two_layer_equivalent", Network="GraphAndTensors")
