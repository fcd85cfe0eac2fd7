"""The calls of a traced model, run on arrays and tensors as outside of training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from lcnn_train.keras_graph.copying import without_activation
from lcnn_train.keras_graph.graph import Call, Held, Trace
from lcnn_train.keras_graph.kinds import is_augmentation, takes_list


def run_all(traced: Trace, x: np.ndarray) -> dict[int, np.ndarray]:
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
    argument = inputs if len(inputs) > 1 or takes_list(call.layer) else inputs[0]
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
        with without_activation(call.layer):
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
