"""A Keras model as a flat list of layer calls, to be translated (export) or to be run call by call (verify)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from inspect import signature
from itertools import count
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras.src.ops import core as core_operations  # Keras has no public names for what keras.ops.concatenate makes
from keras.src.ops import numpy as numpy_operations

from lcnn_train.errors import ExportError

# What Keras has to change images at random, or by their classes: outside of training these do nothing. Those of newer
# versions are taken as far as the installed one has them.
_AUGMENTATION_NAMES = (
    "AugMix", "CutMix", "Equalization", "MixUp", "RandAugment", "RandomBrightness", "RandomColorDegeneration",
    "RandomColorJitter", "RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip",
    "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization",
    "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom",
    "Solarization",
)  # fmt: skip
AUGMENTATION = tuple(getattr(keras.layers, name) for name in _AUGMENTATION_NAMES if hasattr(keras.layers, name))
_PIPELINE: tuple[type, ...] = (keras.layers.Pipeline,) if hasattr(keras.layers, "Pipeline") else ()
_SPLITS = (
    numpy_operations.Split,
    *(
        getattr(module, name)
        for module, name in ((numpy_operations, "ArraySplit"), (core_operations, "Unstack"))
        if hasattr(module, name)
    ),
)
Rewriting = Callable[..., Any]
_REWRITTEN: dict[type, Rewriting] = {
    keras.layers.Subtract: lambda _, a, b: keras.layers.Add()([a, keras.layers.Rescaling(-1.0)(b)]),
    keras.layers.Average: lambda _, *inputs: keras.layers.Rescaling(1 / len(inputs))(keras.layers.Add()(inputs)),
}
Part = Literal["whole", "linear", "activation", "depthwise", "pointwise"]


@dataclass(frozen=True)
class Call:
    """One call of a layer: values are numbered; `input_shapes` and `output_shape` are without the batch.

    A layer whose own activation is a softmax is two calls, its `linear` part and its `activation`, for a model file
    holds them as two nodes; so is a separable convolution, its `depthwise` part and its `pointwise` one. `arguments`
    are those of an operation on tensors, None in the place of each tensor, `keywords` those by name. An operation that
    gives several tensors is as many calls, each of a `piece`.
    """

    layer: keras.layers.Layer
    inputs: tuple[int, ...]
    output: int
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    part: Part = "whole"
    arguments: tuple[Any, ...] = ()
    name: str = ""  # of the node, where it is not the layer's
    keywords: dict[str, Any] = field(default_factory=dict)
    piece: int | None = None


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
    specs = {0: tensor}
    for node, known in walk(graph, values, numbers):
        found.calls += _calls(node, known, numbers, specs)
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


def _calls(node: Any, values: dict[int, int], numbers: Iterator[int], specs: dict[int, Any]) -> list[Call]:
    """List what a node is; `specs` has the Keras tensor of every value, with the sizes that it has in this call."""
    layer, tensors = node.operation, node.arguments.keras_tensors
    if node.arguments.kwargs.get("training") and not _trains_by_default(layer):
        raise ExportError(f"layer {layer.name}: called with training=True; a model file holds inference only")
    if isinstance(layer, _SPLITS):
        return _pieces(node, values, specs)
    if len(node.outputs) != 1:
        raise ExportError(f"layer {layer.name}: expected one output, found {len(node.outputs)}")
    where = f"layer {layer.name}"
    source, value = tuple(values[id(tensor)] for tensor in tensors), values[id(node.outputs[0])]
    specs[value] = _output_spec(node, {id(tensor): specs[values[id(tensor)]] for tensor in tensors})
    shapes = tuple(_shape(specs[number], where) for number in source)
    shape = _shape(specs[value], where)
    if type(layer) in _REWRITTEN:
        return _rewritten(layer, source, value, [specs[number] for number in source], numbers, specs)
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
    arguments, keywords = _arguments(node)
    return [Call(layer, source, value, shapes, shape, arguments=arguments, keywords=keywords)]


def _pieces(node: Any, values: dict[int, int], specs: dict[int, Any]) -> list[Call]:
    """List an operation that gives several tensors, a call for each."""
    layer, tensors = node.operation, node.arguments.keras_tensors
    source = tuple(values[id(tensor)] for tensor in tensors)
    given = {id(tensor): specs[number] for tensor, number in zip(tensors, source, strict=True)}
    args, kwargs = node.arguments.fill_in(given)
    found = layer.compute_output_spec(*args, **kwargs)
    shapes = tuple(_shape(specs[number], f"layer {layer.name}") for number in source)
    calls = []
    for piece, (tensor, spec) in enumerate(zip(node.outputs, found, strict=True)):
        number = values[id(tensor)]
        specs[number] = spec
        calls.append(Call(layer, source, number, shapes, _shape(spec, f"layer {layer.name}"), piece=piece))
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


def rewritten(layer_class: type, function: Rewriting) -> None:
    """Have calls of a layer class taken for what `function(layer, *inputs)` makes of Keras tensors."""
    _REWRITTEN[layer_class] = function


def _rewritten(
    layer: Any, source: tuple[int, ...], value: int, given: list[Any], numbers: Iterator[int], specs: dict[int, Any]
) -> list[Call]:
    """List the calls that a layer is rewritten as. Raises ExportError unless they give what the layer gives."""
    inputs = [keras.Input(batch_shape=(None, *tensor.shape[1:]), dtype=tensor.dtype) for tensor in given]
    output = _REWRITTEN[type(layer)](layer, *inputs)
    if not isinstance(output, keras.KerasTensor) or any(output is tensor for tensor in inputs):
        raise ExportError(f"layer {layer.name}: expected its translation to give a new Keras tensor, found {output!r}")
    model = keras.Model(inputs, output)
    _check_rewriting(layer, model, [_shape(tensor, f"layer {layer.name}") for tensor in inputs])
    graph, calls = functional_graph(model), []
    inside = {id(tensor): number for tensor, number in zip(graph.inputs, source, strict=True)}
    for node, known in walk(graph, inside, numbers):
        calls += _calls(node, known, numbers, specs)
    # Names of their own are new ones each time, and a model file must not change by that.
    last = inside[id(graph.outputs[0])]
    named = [replace(call, name=f"{layer.name}_part{number}") for number, call in enumerate(calls, 1)]
    outputs = {last: value}
    specs[value] = specs[last]
    return [
        replace(
            call, output=outputs.get(call.output, call.output), name=layer.name if call.output == last else call.name
        )
        for call in named
    ]


def _check_rewriting(layer: Any, model: Any, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(0)
    inputs = [keras.ops.convert_to_tensor(rng.normal(0, 1, (2, *shape)).astype(np.float32)) for shape in shapes]
    wanted, found = (
        np.asarray(keras.ops.convert_to_numpy(run(inputs if len(inputs) > 1 else inputs[0]))) for run in (layer, model)
    )
    if wanted.shape != found.shape or not np.abs(wanted - found).max() <= 1e-5 * max(1.0, float(np.abs(wanted).max())):
        raise ExportError(
            f"layer {layer.name}: expected its translation to give what {type(layer).__name__} gives outside of "
            f"training, found other values for random inputs of shape {', '.join(map(str, shapes))}"
        )


def _output_spec(node: Any, given: dict[int, Any]) -> Any:
    """Find what a node gives for inputs of these sizes: a model inside may have been built without knowing them."""
    own = node.outputs[0]
    if all(tensor.shape == given[id(tensor)].shape for tensor in node.arguments.keras_tensors):
        return own
    args, kwargs = node.arguments.fill_in(given)
    return node.operation.compute_output_spec(*args, **kwargs)


def is_augmentation(layer: Any) -> bool:
    """Whether a layer does nothing outside of training; a Pipeline does what its layers do."""
    if type(layer) in _PIPELINE:
        return all(map(is_augmentation, layer.layers))
    return isinstance(layer, AUGMENTATION)


def _trains_by_default(layer: Any) -> bool:
    """Whether Keras records training=True of a layer that was called without: its `call` says so, as augmentations'."""
    training = signature(layer.call).parameters.get("training")
    return training is not None and training.default is True


def _has_softmax_inside(layer: Any) -> bool:
    own = getattr(layer, "activation", None)
    return own is not None and not isinstance(layer, keras.layers.Activation) and is_softmax(own)


def is_softmax(activation: Any) -> bool:
    """Whether an activation is a softmax over the last axis: a function of Keras or TensorFlow, or a layer."""
    if type(activation) is keras.layers.Activation:
        return is_softmax(activation.activation)
    if type(activation) is keras.layers.Softmax:
        return bool(activation.axis == -1)
    return any(activation is function for function in (keras.activations.softmax, keras.ops.softmax, tf.nn.softmax))


def _shape(tensor: Any, where: str) -> tuple[int, ...]:
    if None in tensor.shape[1:]:
        raise ExportError(
            f"{where}: expected sizes that are fixed, found shape {tuple(tensor.shape)}; call the model on an input "
            f"that has them: image = keras.Input((224, 224, 3)), keras.Model(image, model(image))"
        )
    return tuple(tensor.shape[1:])


def run(traced: Trace, x: np.ndarray) -> dict[int, np.ndarray]:
    """Run the calls on a batch x (N, ...) float32, as `model(x)` outside of training; every value by its number."""
    values = {traced.input: keras.ops.convert_to_tensor(x)}
    for call in traced.calls:
        values[call.output] = run_call(call, [values[number] for number in call.inputs])
    return {number: np.asarray(keras.ops.convert_to_numpy(value)) for number, value in values.items()}


def run_from(traced: Trace, known: dict[int, np.ndarray], wanted: int) -> np.ndarray:
    """Run only the calls between known values and a wanted one, which is computed even where it is known."""
    makers = {call.output: call for call in traced.calls}
    values: dict[int, Any] = {}

    def value(number: int) -> Any:
        if number in known and number != wanted:
            return keras.ops.convert_to_tensor(known[number])
        if number not in values:
            values[number] = run_call(makers[number], [value(source) for source in makers[number].inputs])
        return values[number]

    return np.asarray(keras.ops.convert_to_numpy(value(wanted)))


def run_call(call: Call, inputs: list[Any]) -> Any:
    """Run one call outside of training on tensors, one for each of its inputs."""
    argument = inputs if len(inputs) > 1 or _takes_list(call.layer) else inputs[0]
    if is_augmentation(call.layer):
        return argument
    if call.piece is not None:
        return call.layer(argument)[call.piece]
    if call.arguments:
        tensors = iter(inputs)
        given = (next(tensors, None) if value is None else value for value in call.arguments)
        return call.layer(*given, **call.keywords)
    if call.part == "activation":
        return call.layer.activation(argument)
    if call.part == "linear":
        with _without_activation(call.layer):
            return _run_layer(call.layer, argument)
    if call.part == "depthwise":
        return _depthwise(call.layer, argument)
    if call.part == "pointwise":
        Y = keras.ops.conv(argument, call.layer.pointwise_kernel, data_format="channels_last")
        return call.layer.activation(Y if call.layer.bias is None else Y + call.layer.bias)
    return _run_layer(call.layer, argument)


def _run_layer(layer: Any, X: Any) -> Any:
    """Call a layer; a dilated transposed convolution, which TensorFlow has not in float64, by a kernel with gaps."""
    if type(layer) is not keras.layers.Conv2DTranspose or max(layer.dilation_rate) == 1:
        return layer(X)
    (down, across), kernel = layer.dilation_rate, np.asarray(keras.ops.convert_to_numpy(layer.kernel))
    kh, kw, *filters = kernel.shape
    gaps = np.zeros(((kh - 1) * down + 1, (kw - 1) * across + 1, *filters), kernel.dtype)
    gaps[::down, ::across] = kernel
    Y = keras.ops.conv_transpose(
        X, gaps, strides=layer.strides, padding=layer.padding, output_padding=layer.output_padding,
        data_format=layer.data_format,
    )  # fmt: skip
    return layer.activation(Y if layer.bias is None else Y + layer.bias)


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
    kinds = keras.layers.Add | keras.layers.Multiply | keras.layers.Concatenate | numpy_operations.Concatenate
    return isinstance(layer, kinds | numpy_operations.Stack)


@contextmanager
def _without_activation(layer: Any) -> Iterator[None]:
    activation: Callable[..., Any] = layer.activation
    layer.activation = keras.activations.linear
    try:
        yield
    finally:
        layer.activation = activation
