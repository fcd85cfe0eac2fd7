"""Networks with filters that never change and channels that nobody reads, and what must hold of a folded network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lcnn_engine.format.model_file import check_model
from lcnn_engine.model import reference
from lcnn_engine.model.graph import BatchNorm, Conv2D, Dense, Graph, LookupConv2D, LookupDense
from lcnn_engine.plan.folding import fold
from tests.helpers.kernel_cases import Network, check, lookups_of

Tensors = Mapping[str, np.ndarray]
ROUNDING = 4e-6  # of the largest |output|: tensors of a folded network are rounded to float32 once more


def folded(network: Network, *outputs: str) -> tuple[Graph, Tensors]:
    """Fold a network, and hold the result to what must be true of each.

    It is a legal model that gives what the first one gives, by the reference and by every variant, at ``outputs``
    (default: the last node).
    """
    graph = network.graph()
    wanted = outputs or (graph.output,)
    smaller, tensors = fold(graph, network.tensors, wanted)
    check_is_legal(graph, smaller, tensors, wanted)
    for _ in range(2):
        x = network.rng.standard_normal(network.shape).astype(np.float32)
        expected, found = reference.evaluate(graph, network.tensors, x), reference.evaluate(smaller, tensors, x)
        for name in wanted:
            assert found[name].shape == expected[name].shape
            assert np.abs(found[name] - expected[name]).max() <= ROUNDING * np.abs(expected[name]).max(), name
    check(network, outputs=wanted)
    return smaller, tensors


def check_is_legal(graph: Graph, smaller: Graph, tensors: Tensors, wanted: Sequence[str]) -> None:
    """By the rules of the file format, for a graph whose output is one of those wanted; ``graph``: from before."""
    if smaller is not graph:
        check_model(Graph(smaller.name, smaller.input, wanted[-1], smaller.nodes), tensors)


def sizes(graph: Graph) -> dict[str, int]:
    """How many channels every node has."""
    return {node.name: graph.shapes[node.name][-1] for node in graph.nodes}


def empty(network: Network, name: str, *filters: int, bias: float | Sequence[float] = 0.5) -> None:
    """Take the weights of some filters of a layer, and give them this bias."""
    set_bias(network, name, filters, bias)
    tensors = network.tensors
    if f"{name}/kernel" in tensors:
        tensors[f"{name}/kernel"][list(filters)] = 0
        return
    node = network.graph()[name]
    taps = node.kernel_size[0] * node.kernel_size[1] if isinstance(node, LookupConv2D) else 1
    atoms = len(tensors.get(f"{name}/dictionary", np.empty(network.shapes[node.inputs[0]][-1])))
    P = kernel_of(tensors, name, taps * atoms)
    P[list(filters)] = 0
    tensors |= {f"{name}/{tensor}": array for tensor, array in lookups_of(P).items()}


def set_bias(network: Network, name: str, filters: Sequence[int], bias: float | Sequence[float]) -> None:
    """Give some filters this bias; the layer gets one if it has none."""
    channels = network.shapes[name][-1]
    array = network.tensors.get(f"{name}/bias", np.zeros(channels, np.float32))
    array[list(filters)] = bias
    network.tensors[f"{name}/bias"] = array


def kernel_of(tensors: Tensors, name: str, columns: int) -> np.ndarray:
    """P (n, columns) of a lookup layer."""
    indptr = tensors[f"{name}/indptr"]
    P = np.zeros((len(indptr) - 1, columns))
    rows = np.repeat(np.arange(len(P)), np.diff(indptr))
    P[rows, tensors[f"{name}/indices"]] = tensors[f"{name}/coefficients"]
    return P


def thinned(network: Network, share: float) -> None:
    """Empty a ``share`` of all filters, take the scale of channels and the weights of what reads a channel, at random.

    Biases are often 0, and sometimes below.
    """
    rng = network.rng
    for node in network.graph().nodes:
        channels = network.shapes[node.name][-1]
        chosen = np.flatnonzero(rng.random(channels) < share)
        if isinstance(node, BatchNorm):
            network.tensors[f"{node.name}/scale"][chosen] = 0
        elif isinstance(node, Conv2D | Dense | LookupConv2D | LookupDense):
            empty(network, node.name, *chosen, bias=list(rng.choice([0.0, 0.7, -0.3, 1.5], len(chosen))))
            _without_readers(network, node.name, share)


def _without_readers(network: Network, name: str, share: float) -> None:
    """Let a layer not read some of its input's channels, where it has weights for each."""
    for tensor in ("kernel", "dictionary"):
        array = network.tensors.get(f"{name}/{tensor}")
        if array is not None:
            array[:, network.rng.random(array.shape[1]) < share] = 0
