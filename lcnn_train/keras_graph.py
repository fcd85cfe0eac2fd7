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
_SHEAR = getattr(keras.layers, "RandomShear", None)
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
    keras.layers.Average: lambda _, *inputs: keras.layers.Rescaling(1 / len(inputs))(keras.layers.Add()(inputs)),
}
_AFFINE = (numpy_operations.Add, numpy_operations.Multiply, numpy_operations.Subtract)
_QUOTIENTS = (numpy_operations.Divide, numpy_operations.TrueDivide)
COMBINING = (*_AFFINE, *_QUOTIENTS, numpy_operations.Maximum, numpy_operations.Minimum)
"""Operations of value with value, of tensors, arrays and numbers."""
_is_named: list[Callable[[Any], bool]] = []
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
        rewriting, own = _REWRITTEN[type(layer)], layer
        found = _rewritten(layer, lambda *given: rewriting(own, *given), source, value, numbers, specs)
        if found:
            return found
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


def is_affine(layer: Any, arguments: tuple[Any, ...], source: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an operation on a tensor and an array is a scale or a shift, of all or of each channel."""
    numbers = [np.asarray(keras.ops.convert_to_numpy(value)) for value in arguments if value is not None]
    if len(numbers) != 1 or source != shape or numbers[0].size not in (1, *numbers[0].shape[-1:]):
        return False
    return isinstance(layer, _AFFINE) or (isinstance(layer, _QUOTIENTS) and arguments[0] is None)


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


def rewritten(layer_class: type, function: Rewriting) -> None:
    """Have calls of a layer class taken for what `function(layer, *inputs)` makes of Keras tensors."""
    _REWRITTEN[layer_class] = function


def rewritten_kinds() -> tuple[type, ...]:
    """List the layer classes and operations that are taken for what they are written as."""
    return tuple(_REWRITTEN)


def name_activations(is_named: Callable[[Any], bool]) -> None:
    """Say which activations are called by a name; the others are taken for what they make of Keras tensors."""
    _is_named[:] = [is_named]


def _with_function(call: Call, numbers: Iterator[int], specs: dict[int, Any]) -> list[Call]:
    """List a layer whose activation has no name as what it is without it, and what the function is; none for others.

    None, too, where the function cannot be called on Keras tensors.
    """
    layer, value = call.layer, call.output
    activation = getattr(layer, "activation", None)
    if not isinstance(layer, keras.layers.Layer) or not callable(activation) or call.part == "activation":
        return []
    if all(named(activation) for named in _is_named):
        return []
    calls, source = [], call.inputs
    if not isinstance(layer, keras.layers.Activation):
        part: Part = "linear" if call.part == "whole" else "pointwise_linear"
        source = (next(numbers),)
        specs[source[0]] = specs[value]
        calls.append(replace(call, output=source[0], part=part))

    def function(x: Any) -> Any:
        try:
            return activation(x)
        except Exception:  # whatever a function of anybody's raises on tensors without values
            return NotImplemented

    found = _rewritten(layer, function, source, value, numbers, specs, activation)
    return [*calls, *found] if found else []


def _rewritten(
    layer: Any,
    function: Callable[..., Any],
    source: tuple[int, ...],
    value: int,
    numbers: Iterator[int],
    specs: dict[int, Any],
    original: Callable[..., Any] | None = None,
) -> list[Call]:
    """List the calls that a layer is rewritten as by `function`, none where it is to be taken as it is.

    Raises ExportError unless they give what the layer gives, or the `original` inside of it.
    """
    given = [specs[number] for number in source]
    inputs = [keras.Input(batch_shape=(None, *tensor.shape[1:]), dtype=tensor.dtype) for tensor in given]
    output = function(*inputs)
    if output is NotImplemented:
        return []
    if not isinstance(output, keras.KerasTensor) or any(output is tensor for tensor in inputs):
        raise ExportError(f"layer {layer.name}: expected its translation to give a new Keras tensor, found {output!r}")
    model = keras.Model(inputs, output)
    _check_rewriting(layer, original or layer, model, [_shape(tensor, f"layer {layer.name}") for tensor in inputs])
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


def _check_rewriting(layer: Any, original: Any, model: Any, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(0)
    inputs = [keras.ops.convert_to_tensor(rng.normal(0, 1, (2, *shape)).astype(np.float32)) for shape in shapes]
    wanted, found = (
        np.asarray(keras.ops.convert_to_numpy(run(inputs if len(inputs) > 1 else inputs[0])))
        for run in (original, model)
    )
    same = wanted.shape == found.shape and np.array_equal(np.isfinite(wanted), np.isfinite(found))
    finite = np.isfinite(wanted)  # NaN where a root or a logarithm of these inputs is none
    largest = max(1.0, float(np.abs(wanted[finite]).max(initial=0.0)))
    if not same or np.abs(wanted[finite] - found[finite]).max(initial=0.0) > 1e-5 * largest:
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
    return own is not None and not isinstance(layer, keras.layers.Activation) and softmax_of(own) is not None


def softmax_of(activation: Any) -> str | None:
    """Name the operation that an activation is: a softmax over the last axis or its logarithm; None for others.

    It may be a function of Keras or TensorFlow, or a layer.
    """
    if type(activation) is keras.layers.Activation:
        return softmax_of(activation.activation)
    if type(activation) is keras.layers.Softmax:
        return "softmax" if activation.axis == -1 else None
    for name in ("softmax", "log_softmax"):
        if any(activation is getattr(module, name) for module in (keras.activations, keras.ops, tf.nn)):
            return name
    return None


def _shape(tensor: Any, where: str) -> tuple[int, ...]:
    if None in tensor.shape[1:]:
        raise ExportError(
            f"{where}: expected sizes that are fixed, found shape {tuple(tensor.shape)}; call the model on an input "
            f"that has them: image = keras.Input((224, 224, 3)), keras.Model(image, model(image))"
        )
    return tuple(tensor.shape[1:])


def copied(layer: Any, **changes: Any) -> Any:
    """Copy a layer or an operation, without its weights; `changes` are to its config.

    Functions are carried over themselves: Keras writes their names, and reads back none but those of its own.
    """
    if type(layer) is keras.layers.Lambda:
        return _copied_lambda(layer, changes)
    config = config_of(layer) | changes
    if type(layer) is _SHEAR:  # Keras writes (-x, x) for a factor x, and does not read that
        config |= {key: config[key][1] for key in ("x_factor", "y_factor") if config[key][0] < 0}
    activation = getattr(layer, "activation", None)
    if "activation" in config and callable(activation) and not isinstance(activation, keras.Operation):
        config["activation"] = activation
    return type(layer).from_config(config)


def config_of(layer: Any) -> dict[str, Any]:
    """Give the config of a layer or an operation; of an activation that is a function, Keras' linear one, as Keras
    refuses to write some, as `functools.partial`."""
    activation = getattr(layer, "activation", None)
    if not callable(activation) or isinstance(activation, keras.Operation):
        return dict(layer.get_config())
    with _without_activation(layer):
        return dict(layer.get_config())


def _copied_lambda(layer: keras.layers.Lambda, changes: dict[str, Any]) -> keras.layers.Lambda:
    """Copy a Lambda, which Keras refuses to make from a config, as that might be untrusted code."""
    config = layer.get_config() | changes
    kept = {key: config[key] for key in ("name", "trainable", "dtype", "output_shape") if key in config}
    if isinstance(kept.get("output_shape"), dict):  # a function too; Keras finds the shape without it
        del kept["output_shape"]
    return keras.layers.Lambda(layer.function, mask=layer.mask, arguments=layer.arguments, **kept)


def run(traced: Trace, x: np.ndarray) -> dict[int, np.ndarray]:
    """Run all calls on a batch x (N, ...), float32, as `model(x)` outside of training; every value by its number."""
    values = {traced.input: keras.ops.convert_to_tensor(x)}
    for call in traced.calls:
        values[call.output] = run_call(call, [values[number] for number in call.inputs], len(x))
    return {number: np.asarray(keras.ops.convert_to_numpy(value)) for number, value in values.items()}


def run_from(traced: Trace, known: dict[int, np.ndarray], wanted: int, dtype: str = "float32") -> np.ndarray:
    """Run only the calls between known values and a wanted one, which is computed even where it is known.

    Known values, that of the input among them, of a batch (N, ...), are given as `dtype`, that of the model; it runs
    as outside of training.
    """
    needed, calls = {wanted}, []
    for call in reversed(traced.calls):
        if call.output in needed:
            calls.append(call)
            needed.update(number for number in call.inputs if number not in known)
    batch = len(known[traced.input])
    values: dict[int, Any] = {}

    def value(number: int) -> Any:
        return values[number] if number in values else keras.ops.convert_to_tensor(known[number].astype(dtype))

    for call in reversed(calls):
        values[call.output] = run_call(call, [value(number) for number in call.inputs], batch, dtype)
    return np.asarray(keras.ops.convert_to_numpy(value(wanted)))


def run_call(call: Call, inputs: list[Any], batch: int = 1, dtype: str = "float32") -> Any:
    """Run one call outside of training on tensors, one for each of its inputs.

    What a model holds is given for so many images, as `dtype`.
    """
    if isinstance(call.layer, Held):
        return keras.ops.convert_to_tensor(np.repeat(call.layer.value[None], batch, axis=0).astype(dtype))
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
    if call.part in ("pointwise", "pointwise_linear"):
        Y = keras.ops.conv(argument, call.layer.pointwise_kernel, data_format="channels_last")
        Y = Y if call.layer.bias is None else Y + call.layer.bias
        return call.layer.activation(Y) if call.part == "pointwise" else Y
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
    kinds = (
        keras.layers.Add, keras.layers.Multiply, keras.layers.Subtract, keras.layers.Maximum, keras.layers.Minimum,
        keras.layers.Concatenate, numpy_operations.Concatenate, numpy_operations.Stack,
    )  # fmt: skip
    return isinstance(layer, kinds)


@contextmanager
def _without_activation(layer: Any) -> Iterator[None]:
    activation: Callable[..., Any] = layer.activation
    layer.activation = keras.activations.linear
    try:
        yield
    finally:
        layer.activation = activation
