"""The calls of a model, and the graph of Keras' own that they are found in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import numpy as np

from lcnn_train.errors import ExportError

Part = Literal["whole", "linear", "activation", "depthwise", "pointwise", "pointwise_linear"]


@dataclass(frozen=True)
class Call:
    """One call of a layer: values are numbered; `input_shapes` and `output_shape` are without the batch.

    A layer whose own activation is a softmax is two calls, its `linear` part and its `activation`, for a model file
    holds them as two nodes; one whose own activation has no name there is its `linear` part and what that function
    makes of Keras tensors. Two calls, too, is a separable convolution, its `depthwise` part and its `pointwise` one,
    which is `pointwise_linear` where one of these follows. `arguments` are those of an operation on tensors, None in
    the place of each tensor, `keywords` those by name. An operation that gives several tensors is as many calls, each
    of a `piece`.
    """

    layer: Any
    inputs: tuple[int, ...]
    output: int
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    part: Part = "whole"
    arguments: tuple[Any, ...] = ()
    name: str = ""  # of the node, where it is not the layer's
    keywords: dict[str, Any] = field(default_factory=dict)
    piece: int | None = None


@dataclass(frozen=True)
class Held:
    """What stands in the place of a layer where a model holds a value, float32 (H, W, C) or (C,)."""

    name: str
    value: np.ndarray


@dataclass
class Trace:
    """A model with one input and one output: its calls in execution order."""

    input: int
    input_name: str
    input_shape: tuple[int, ...]
    output: int = -1
    calls: list[Call] = field(default_factory=list)


def functional_graph(model: Any) -> Any:
    """Find the graph of a model, None if it has none; a Sequential's is in `_functional` once its input is known."""
    graph = getattr(model, "_functional", None) or model
    return graph if hasattr(graph, "_nodes_by_depth") else None


def walk(graph: Any, values: dict[int, int], numbers: Iterator[int]) -> Iterator[tuple[Any, dict[int, int]]]:
    """List the layer calls of a graph (Keras' nodes) in execution order, those of models inside it in their place.

    With each call comes what maps the identity of its Keras tensors to the numbers of their values: `values`, or that
    of the model inside. `numbers` gives new ones; the inputs have theirs before the walk. A model without a graph
    counts as a layer.
    """
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.is_input:
                continue
            inner = functional_graph(node.operation)
            if inner is None:
                values |= {id(tensor): next(numbers) for tensor in node.outputs}
                yield node, values
                continue
            given = node.arguments.keras_tensors
            inside = {id(own): values[id(tensor)] for own, tensor in zip(inner.inputs, given, strict=True)}
            yield from walk(inner, inside, numbers)
            values |= {id(out): inside[id(own)] for out, own in zip(node.outputs, inner.outputs, strict=True)}


def output_specs(node: Any, values: Mapping[int, int], specs: Mapping[int, Any]) -> list[Any]:
    """Find the Keras tensors that a node gives: a model inside may have been built without knowing its sizes.

    `specs` has the tensor of every value before it, with the sizes that it has in this call, `values` as of `walk`.
    """
    given = {id(tensor): specs[values[id(tensor)]] for tensor in node.arguments.keras_tensors}
    if all(tensor.shape == given[id(tensor)].shape for tensor in node.arguments.keras_tensors):
        return list(node.outputs)
    args, kwargs = node.arguments.fill_in(given)
    return list(keras.tree.flatten(node.operation.compute_output_spec(*args, **kwargs)))


def fixed_shape(tensor: Any, where: str) -> tuple[int, ...]:
    """Give a Keras tensor's shape without the batch. Raises ExportError, for `where`, unless all sizes are known."""
    if None in tensor.shape[1:]:
        raise ExportError(
            f"{where}: expected sizes that are fixed, found shape {tuple(tensor.shape)}; call the model on an input "
            f"that has them: image = keras.Input((224, 224, 3)), keras.Model(image, model(image))"
        )
    return tuple(tensor.shape[1:])
