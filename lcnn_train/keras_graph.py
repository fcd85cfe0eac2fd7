"""A Keras model as a flat list of layer calls, to be translated (export) or to be run call by call (verify)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import keras
import numpy as np

from lcnn_train.errors import ExportError

# Keras records these with training=True wherever they are called; outside of training they do nothing.
AUGMENTATION = (
    keras.layers.RandomBrightness,
    keras.layers.RandomContrast,
    keras.layers.RandomFlip,
    keras.layers.RandomRotation,
    keras.layers.RandomTranslation,
    keras.layers.RandomZoom,
)
Part = Literal["whole", "linear", "activation", "depthwise", "pointwise"]


@dataclass(frozen=True)
class Call:
    """One call of a layer: values are numbered; `input_shapes` and `output_shape` are without the batch.

    A layer whose own activation is a softmax is two calls, its `linear` part and its `activation`, for a model file
    holds them as two nodes; so is a separable convolution, its `depthwise` part and its `pointwise` one. `arguments`
    are those of arithmetic on tensors, None in the place of each tensor.
    """

    layer: keras.layers.Layer
    inputs: tuple[int, ...]
    output: int
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    part: Part = "whole"
    arguments: tuple[Any, ...] = ()


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
    graph = functional_graph(model)
    if graph is None:
        raise ExportError(
            f"model {model.name}: expected a functional model, or a Sequential whose input shape is known, found "
            f"{type(model).__name__}; build it from keras.Input"
        )
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ExportError(
            f"model {model.name}: expected one input and one output, found {_names(graph.inputs)} and "
            f"{_names(graph.outputs)}; keras.Model(inputs, one_output) makes such a model of it"
        )
    tensor = graph.inputs[0]
    found = Trace(0, tensor.name, _shape(tensor, f"input {tensor.name}"))
    if len(found.input_shape) != 3:
        raise ExportError(
            f"input {tensor.name}: expected an image (H, W, C), found shape {found.input_shape}; a model on vectors "
            f"can begin with keras.Input((1, 1, C)) and Flatten"
        )
    values = {id(tensor): 0}
    numbers = count(1)
    for node, known in walk(graph, values, numbers):
        found.calls += _calls(node, known, numbers)
    found.output = values[id(graph.outputs[0])]
    return found


def _names(tensors: list[Any]) -> str:
    """How many tensors, and their names where there are several."""
    return str(len(tensors)) + (f" ({', '.join(tensor.name for tensor in tensors)})" if len(tensors) > 1 else "")


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


def _calls(node: Any, values: dict[int, int], numbers: Iterator[int]) -> list[Call]:
    layer, tensors = node.operation, node.arguments.keras_tensors
    if node.arguments.kwargs.get("training") and not isinstance(layer, AUGMENTATION):
        raise ExportError(f"layer {layer.name}: called with training=True; a model file holds inference only")
    if len(node.outputs) != 1:
        raise ExportError(f"layer {layer.name}: expected one output, found {len(node.outputs)}")
    where = f"layer {layer.name}"
    shapes = tuple(_shape(tensor, where) for tensor in tensors)
    shape, source = _shape(node.outputs[0], where), tuple(values[id(tensor)] for tensor in tensors)
    value = values[id(node.outputs[0])]
    if _has_softmax_inside(layer):
        middle = next(numbers)
        return [
            Call(layer, source, middle, shapes, shape, "linear"),
            Call(layer, (middle,), value, (shape,), shape, "activation"),
        ]
    if type(layer) is keras.layers.SeparableConv2D:
        middle = next(numbers)
        between = (*shape[:-1], shapes[0][-1] * layer.depth_multiplier)
        return [
            Call(layer, source, middle, shapes, between, "depthwise"),
            Call(layer, (middle,), value, (between,), shape, "pointwise"),
        ]
    arguments: tuple[Any, ...] = ()
    if not isinstance(layer, keras.layers.Layer):
        arguments = tuple(None if isinstance(value, keras.KerasTensor) else value for value in node.arguments.args)
    return [Call(layer, source, value, shapes, shape, arguments=arguments)]


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


def run_from(traced: Trace, known: dict[int, np.ndarray], wanted: int) -> np.ndarray:
    """Run only the calls between known values and a wanted one, which is computed even where it is known."""
    makers = {call.output: call for call in traced.calls}
    values: dict[int, Any] = {}

    def value(number: int) -> Any:
        if number in known and number != wanted:
            return keras.ops.convert_to_tensor(known[number])
        if number not in values:
            values[number] = _run_call(makers[number], [value(source) for source in makers[number].inputs])
        return values[number]

    return np.asarray(keras.ops.convert_to_numpy(value(wanted)))


def _run_call(call: Call, inputs: list[Any]) -> Any:
    argument = inputs if len(inputs) > 1 or _takes_list(call.layer) else inputs[0]
    if isinstance(call.layer, AUGMENTATION):
        return argument
    if call.arguments:
        tensors = iter(inputs)
        return call.layer(*(next(tensors) if value is None else value for value in call.arguments))
    if call.part == "activation":
        return call.layer.activation(argument)
    if call.part == "linear":
        with _without_activation(call.layer):
            return call.layer(argument)
    if call.part == "depthwise":
        return _depthwise(call.layer, argument)
    if call.part == "pointwise":
        Y = keras.ops.conv(argument, call.layer.pointwise_kernel, data_format="channels_last")
        return call.layer.activation(Y if call.layer.bias is None else Y + call.layer.bias)
    return call.layer(argument)


def _depthwise(layer: Any, X: Any) -> Any:
    return keras.ops.depthwise_conv(
        X,
        layer.depthwise_kernel,
        strides=layer.strides,
        padding=layer.padding,
        data_format="channels_last",
        dilation_rate=layer.dilation_rate,
    )


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
