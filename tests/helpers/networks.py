"""Small networks with seeded weights, for the tests of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lcnn_engine.model.graph import (
    Add,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    GlobalAvgPool2D,
    Graph,
    Input,
    LookupConv2D,
    LookupDense,
    MaxPool2D,
    Node,
    Preprocessing,
    Resize,
    Softmax,
)

Tensors = dict[str, np.ndarray]


def sparse_kernel(rng: np.random.Generator, name: str, filters: int, columns: int, density: float) -> Tensors:
    """The paper's P (filters, columns) with random positions, as the model file holds it; some filters have none."""
    kept = rng.random((filters, columns)) < density
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    indices = np.nonzero(kept)[1].astype(np.int32)
    return {
        f"{name}/indptr": indptr,
        f"{name}/indices": indices,
        f"{name}/coefficients": rng.standard_normal(len(indices)).astype(np.float32),
    }


def lookup_tensors(
    rng: np.random.Generator, node: LookupConv2D | LookupDense, channels: int, atoms: int | None, density: float = 0.1
) -> Tensors:
    """Tensors of a lookup layer; ``atoms`` None: no dictionary."""
    taps, filters = (
        (node.kernel_size[0] * node.kernel_size[1], node.filters) if isinstance(node, LookupConv2D) else (1, node.units)
    )
    tensors = sparse_kernel(rng, node.name, filters, taps * (atoms or channels), density)
    if atoms:
        tensors[f"{node.name}/dictionary"] = rng.standard_normal((atoms, channels)).astype(np.float32) / channels**0.5
    tensors[f"{node.name}/bias"] = rng.standard_normal(filters).astype(np.float32)
    return tensors


def dense_tensors(rng: np.random.Generator, node: Conv2D | Dense, channels: int) -> Tensors:
    """Tensors of a dense layer."""
    if isinstance(node, Conv2D):
        shape: tuple[int, ...] = (node.filters, channels // node.groups, *node.kernel_size)
    else:
        shape = (node.units, channels)
    scale = np.float32(np.prod(shape[1:]) ** -0.5)
    bias = rng.standard_normal(shape[0]).astype(np.float32)
    return {f"{node.name}/kernel": rng.standard_normal(shape).astype(np.float32) * scale, f"{node.name}/bias": bias}


def with_tensors(
    graph: Graph, atoms: Mapping[str, int | None] | None = None, density: float = 0.1, seed: int = 0
) -> tuple[Graph, Tensors]:
    """``graph`` with seeded tensors for every layer that has some; ``atoms`` gives dictionary sizes (default 7)."""
    rng = np.random.default_rng(seed)
    tensors: Tensors = {}
    for node in graph.nodes:
        channels = graph.shapes[node.inputs[0]][-1]
        if isinstance(node, (LookupConv2D, LookupDense)):
            tensors |= lookup_tensors(rng, node, channels, (atoms or {}).get(node.name, 7), density)
        elif isinstance(node, (Conv2D, Dense)):
            tensors |= dense_tensors(rng, node, channels)
    return graph, tensors


def chain(nodes: Sequence[Node], shape: tuple[int, int, int], **fields: object) -> Graph:
    """A graph of ``nodes`` as they stand, whose last one is the output."""
    return Graph("test", Input("image", shape), nodes[-1].name, tuple(nodes), **fields)  # type: ignore[arg-type]


def small_classifier(channels: int = 3) -> tuple[Graph, Tensors]:
    """A 20 x 17 network of ten classes with a branch, a strided and a pruned lookup layer, labels and preprocessing."""
    nodes = [
        LookupConv2D(name="conv1", inputs=("image",), filters=24, kernel_size=(5, 5), strides=(2, 2),
                     padding=(2, 2, 2, 2), activation="relu"),
        LookupConv2D(name="conv2", inputs=("conv1",), filters=24, kernel_size=(3, 3), padding=(1, 1, 1, 1)),
        Add(name="sum", inputs=("conv2", "conv1"), activation="relu"),
        Conv2D(name="dense1", inputs=("conv1",), filters=10, kernel_size=(1, 1), activation="silu"),
        Concat(name="both", inputs=("sum", "dense1")),
        MaxPool2D(name="pool", inputs=("both",), pool_size=(3, 3), strides=(2, 2)),
        LookupConv2D(name="fc6", inputs=("pool",), filters=50, kernel_size=(4, 4), activation="relu"),
        Flatten(name="flat", inputs=("fc6",)),
        LookupDense(name="fc7", inputs=("flat",), units=40, activation="relu"),
        Dense(name="fc8", inputs=("fc7",), units=10),
        Softmax(name="probabilities", inputs=("fc8",)),
        GlobalAvgPool2D(name="unread", inputs=("both",)),
    ]  # fmt: skip
    mean = (0.5,) * channels
    graph = Graph(
        "small-classifier",
        Input("image", (20, 17, channels)),
        "probabilities",
        tuple(nodes),
        labels=tuple(f"class {i}" for i in range(10)),
        preprocessing=Preprocessing(
            "RGB" if channels == 3 else "L", mean, mean, 1 / 255, Resize("exact", (20, 17), "bilinear")
        ),
    )
    return with_tensors(graph, {"conv2": None})


def images(graph: Graph, count: int = 1, seed: int = 1) -> np.ndarray:
    """Preprocessed input, float32 (count, H, W, C)."""
    return np.random.default_rng(seed).standard_normal((count, *graph.input.shape)).astype(np.float32)
