"""A Keras model as a flat list of layer calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import keras
import numpy as np

from lcnn_train.errors import ExportError
from lcnn_train.keras_graph.graph import Call, Held, Part, Trace, fixed_shape, functional_graph, output_specs, walk
from lcnn_train.keras_graph.kinds import COMBINING, SPLITS, is_affine, softmax_of, trains_by_default
from lcnn_train.keras_graph.rewriting import model_of, rewriting_of, unnamed_activation


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
    found = Trace(0, tensor.name, fixed_shape(tensor, f"input {tensor.name}"))
    if len(found.input_shape) != 3:
        raise ExportError(
            f"input {tensor.name}: expected an image (H, W, C), found shape {found.input_shape}; a model on vectors "
            f"can begin with keras.Input((1, 1, C)) and Flatten"
        )
    values = {id(tensor): 0}
    numbers = count(1)
    specs = {0: tensor}
    for node, known in walk(graph, values, numbers):
        found.calls += _calls(node, known, numbers, specs)
    found.output = values[id(graph.outputs[0])]
    return found


def _names(tensors: list[Any]) -> str:
    """How many tensors, and their names where there are several."""
    return str(len(tensors)) + (f" ({', '.join(tensor.name for tensor in tensors)})" if len(tensors) > 1 else "")


def _calls(node: Any, values: dict[int, int], numbers: Iterator[int], specs: dict[int, Any]) -> list[Call]:
    """List what a node is; `specs` has the Keras tensor of every value, with the sizes that it has in this call."""
    layer, tensors = node.operation, node.arguments.keras_tensors
    if node.arguments.kwargs.get("training") and not trains_by_default(layer):
        raise ExportError(f"layer {layer.name}: called with training=True; a model file holds inference only")
    if isinstance(layer, SPLITS):
        return _pieces(node, values, specs)
    if len(node.outputs) != 1:
        raise ExportError(f"layer {layer.name}: expected one output, found {len(node.outputs)}")
    where = f"layer {layer.name}"
    source, value = tuple(values[id(tensor)] for tensor in tensors), values[id(node.outputs[0])]
    (specs[value],) = output_specs(node, values, specs)
    shapes = tuple(fixed_shape(specs[number], where) for number in source)
    shape = fixed_shape(specs[value], where)
    rewriting = rewriting_of(layer)
    model = None if rewriting is None else model_of(layer, rewriting, [specs[number] for number in source])
    if model is not None:
        return _calls_of(model, layer, source, value, numbers, specs)
    calls: list[Call] = []
    part: Part = "whole"
    if type(layer) is keras.layers.SeparableConv2D:
        between, middle, part = (*shape[:-1], shapes[0][-1] * layer.depth_multiplier), next(numbers), "pointwise"
        calls.append(Call(layer, source, middle, shapes, between, "depthwise"))
        source, shapes = (middle,), (between,)
    if _has_softmax_inside(layer):
        middle = next(numbers)
        linear: Part = "linear" if part == "whole" else "pointwise_linear"
        calls.append(Call(layer, source, middle, shapes, shape, linear))
        source, shapes, part = (middle,), (shape,), "activation"
    found = _with_function(Call(layer, source, value, shapes, shape, part), numbers, specs)
    if found:
        return [*calls, *found]
    arguments, keywords = _arguments(node)
    if isinstance(layer, COMBINING) and len(source) == 1 and not is_affine(layer, arguments, shapes[0], shape):
        return _with_held(Call(layer, source, value, shapes, shape, arguments=arguments), next(numbers))
    return [*calls, Call(layer, source, value, shapes, shape, part, arguments, keywords=keywords)]


def _pieces(node: Any, values: dict[int, int], specs: dict[int, Any]) -> list[Call]:
    """List an operation that gives several tensors, a call for each."""
    layer, found = node.operation, output_specs(node, values, specs)
    source = tuple(values[id(tensor)] for tensor in node.arguments.keras_tensors)
    shapes = tuple(fixed_shape(specs[number], f"layer {layer.name}") for number in source)
    calls = []
    for piece, (tensor, spec) in enumerate(zip(node.outputs, found, strict=True)):
        number = values[id(tensor)]
        specs[number] = spec
        calls.append(Call(layer, source, number, shapes, fixed_shape(spec, f"layer {layer.name}"), piece=piece))
    return calls


def _arguments(node: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give the arguments of an operation, None for each tensor, and those by name; of a layer, and where a list of
    tensors is given, none."""
    given, named = node.arguments.args, node.arguments.kwargs
    lists = (value for value in given if isinstance(value, list | tuple))
    if isinstance(node.operation, keras.layers.Layer) or any(
        isinstance(part, keras.KerasTensor) for value in lists for part in value
    ):
        return (), {}
    return tuple(None if isinstance(value, keras.KerasTensor) else value for value in given), dict(named)


def _with_held(call: Call, number: int) -> list[Call]:
    """List a call on a tensor and an array as two: one that holds the array, as value `number`, and one on both.

    An array keeps its shape where a model file can repeat it over the tensor; else it gets the result's.
    """
    shape, first = call.output_shape, call.arguments[0] is None
    given = next(value for value in call.arguments if value is not None)
    array = np.asarray(keras.ops.convert_to_numpy(given), np.float32)
    if array.ndim == len(shape) + 1 and len(array) == 1:
        array = array[0]
    one = (1, 1, *shape[-1:]) if len(shape) == 3 else shape  # pixel; of rank 3, as Keras repeats it
    repeated = (shape, one, (*shape[:-1], 1)) if len(shape) == 3 else (shape,)
    if array.ndim > len(shape):
        raise ExportError(
            f"operation {call.layer.name}: expected an array that fits images of shape {shape}, found one of shape "
            f"{array.shape}"
        )
    if array.size in (1, *shape[-1:]) and array.shape[-1:] in ((), (1,), shape[-1:]) and call.input_shapes[0] == shape:
        array = np.broadcast_to(array.reshape(-1), one)
    elif array.shape not in repeated or call.input_shapes[0] != shape:
        array = np.broadcast_to(array, shape)
    held = Call(Held(f"{call.layer.name}_held", array), (), number, (), array.shape)
    inputs = (call.inputs[0], number) if first else (number, call.inputs[0])
    shapes = (call.input_shapes[0], array.shape) if first else (array.shape, call.input_shapes[0])
    return [held, replace(call, inputs=inputs, input_shapes=shapes, arguments=(None, None))]


def _with_function(call: Call, numbers: Iterator[int], specs: dict[int, Any]) -> list[Call]:
    """List a layer whose activation has no name as what it is without it, and what the function is; none for others.

    None, too, where the function cannot be called on Keras tensors.
    """
    function = None if call.part == "activation" else unnamed_activation(call.layer)
    if function is None:
        return []
    calls, source = [], call.inputs
    if not isinstance(call.layer, keras.layers.Activation):
        part: Part = "linear" if call.part == "whole" else "pointwise_linear"
        source = (next(numbers),)
        specs[source[0]] = specs[call.output]
        calls.append(replace(call, output=source[0], part=part))
    model = model_of(call.layer, function, [specs[number] for number in source], call.layer.activation)
    return [] if model is None else [*calls, *_calls_of(model, call.layer, source, call.output, numbers, specs)]


def _calls_of(
    model: keras.Model, layer: Any, source: tuple[int, ...], value: int, numbers: Iterator[int], specs: dict[int, Any]
) -> list[Call]:
    """List the calls of the model that a layer is rewritten as, from the values of its inputs to that of its output."""
    graph, calls = functional_graph(model), []
    inside = {id(tensor): number for tensor, number in zip(graph.inputs, source, strict=True)}
    for node, known in walk(graph, inside, numbers):
        calls += _calls(node, known, numbers, specs)
    last = inside[id(graph.outputs[0])]
    specs[value] = specs[last]
    # Names of their own are new ones each time, and a model file must not change by that.
    named = [replace(call, name=f"{layer.name}_part{number}") for number, call in enumerate(calls, 1)]
    return [replace(call, output=value, name=layer.name) if call.output == last else call for call in named]


def _has_softmax_inside(layer: Any) -> bool:
    own = getattr(layer, "activation", None)
    return own is not None and not isinstance(layer, keras.layers.Activation) and softmax_of(own) is not None
