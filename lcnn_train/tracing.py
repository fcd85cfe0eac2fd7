"""A Keras model as a flat list of layer calls, to be translated (export) or to be run call by call (verify)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import numpy as np

from lcnn_train.errors import ExportError

Part = Literal["whole", "linear", "activation"]


@dataclass(frozen=True)
class Call:
    """One call of a layer: values are numbered; `input_shapes` and `output_shape` are without the batch.

    A layer whose own activation is a softmax is two calls, its `linear` part and its `activation`, for a model file
    holds them as two nodes.
    """

    layer: keras.layers.Layer
    inputs: tuple[int, ...]
    output: int
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    part: Part = "whole"


@dataclass
class Trace:
    """A model with one input and one output: its calls in execution order."""

    input: int
    input_name: str
    input_shape: tuple[int, ...]
    output: int = -1
    calls: list[Call] = field(default_factory=list)


def trace(model: keras.Model) -> Trace:
    """List the calls of a Sequential or functional model, those of models inside it too.

    Raises ExportError for another kind of model, for more than one input or output, and for sizes that are not fixed.
    """
    graph = _functional(model)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ExportError(
            f"model {model.name}: expected one input and one output, found {len(graph.inputs)} and {len(graph.outputs)}"
        )
    tensor = graph.inputs[0]
    found = Trace(0, tensor.name, _shape(tensor, f"input {tensor.name}"))
    if len(found.input_shape) != 3:
        raise ExportError(
            f"input {tensor.name}: expected a picture (H, W, C), found shape {found.input_shape}; a model on vectors "
            f"can begin with keras.Input((1, 1, C)) and Flatten"
        )
    values = {id(tensor): 0}
    numbers = iter(range(1, 2**31))
    _append_calls(graph, values, numbers, found.calls)
    found.output = values[id(graph.outputs[0])]
    return found


def _functional(model: keras.Model) -> Any:
    """The graph of a model; Keras keeps a Sequential's in `_functional` once its input shape is known."""
    graph = getattr(model, "_functional", None) or model
    if not hasattr(graph, "_nodes_by_depth"):
        raise ExportError(
            f"model {model.name}: expected a functional model, or a Sequential whose input shape is known, found "
            f"{type(model).__name__}; build it from keras.Input"
        )
    return graph


def _append_calls(graph: Any, values: dict[int, int], numbers: Iterator[int], calls: list[Call]) -> None:
    """Walk a graph from its inputs on; `values` maps the identity of a Keras tensor to its number."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if not node.is_input:
                _append_call(node, values, numbers, calls)


def _append_call(node: Any, values: dict[int, int], numbers: Iterator[int], calls: list[Call]) -> None:
    layer, tensors = node.operation, node.arguments.keras_tensors
    if node.arguments.kwargs.get("training"):
        raise ExportError(f"layer {layer.name}: called with training=True; a model file holds inference only")
    if isinstance(layer, keras.Model):
        inner = _functional(layer)
        inner_values = {id(own): values[id(given)] for own, given in zip(inner.inputs, tensors, strict=True)}
        _append_calls(inner, inner_values, numbers, calls)
        values |= {id(out): inner_values[id(own)] for out, own in zip(node.outputs, inner.outputs, strict=True)}
        return
    if len(node.outputs) != 1:
        raise ExportError(f"layer {layer.name}: expected one output, found {len(node.outputs)}")
    where = f"layer {layer.name}"
    shapes = tuple(_shape(tensor, where) for tensor in tensors)
    shape, source = _shape(node.outputs[0], where), tuple(values[id(tensor)] for tensor in tensors)
    value = values[id(node.outputs[0])] = next(numbers)
    if _has_softmax_inside(layer):
        middle = next(numbers)
        calls.append(Call(layer, source, middle, shapes, shape, "linear"))
        calls.append(Call(layer, (middle,), value, (shape,), shape, "activation"))
    else:
        calls.append(Call(layer, source, value, shapes, shape))


def _has_softmax_inside(layer: Any) -> bool:
    ends_in_softmax = getattr(layer, "activation", None) is keras.activations.softmax
    return ends_in_softmax and not isinstance(layer, keras.layers.Activation)


def _shape(tensor: Any, where: str) -> tuple[int, ...]:
    if None in tensor.shape[1:]:
        raise ExportError(f"{where}: expected sizes that are fixed, found shape {tuple(tensor.shape)}")
    return tuple(tensor.shape[1:])


def run(traced: Trace, x: np.ndarray) -> dict[int, np.ndarray]:
    """Run the calls on a batch x (N, ...) float32, as `model(x)` outside of training; every value by its number."""
    values = {traced.input: keras.ops.convert_to_tensor(x)}
    for call in traced.calls:
        values[call.output] = _run_call(call, [values[number] for number in call.inputs])
    return {number: np.asarray(keras.ops.convert_to_numpy(value)) for number, value in values.items()}


def _run_call(call: Call, inputs: list[Any]) -> Any:
    argument = inputs if len(inputs) > 1 or _takes_list(call.layer) else inputs[0]
    if call.part == "activation":
        return call.layer.activation(argument)
    if call.part == "linear":
        with _without_activation(call.layer):
            return call.layer(argument)
    return call.layer(argument)


def _takes_list(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Add | keras.layers.Multiply | keras.layers.Concatenate)


@contextmanager
def _without_activation(layer: Any) -> Iterator[None]:
    activation: Callable[..., Any] = layer.activation
    layer.activation = keras.activations.linear
    try:
        yield
    finally:
        layer.activation = activation
