"""Keras' activations by the names that a model file has for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers
from keras.src.activations import activations as functions  # Keras has no public names for what the functions make
from keras.src.ops import nn
from keras.src.ops import numpy as numpy_operations

from lcnn_engine.model.activations import ACTIVATIONS
from lcnn_train.errors import ExportError
from lcnn_train.export.builder import NodeBuilder
from lcnn_train.keras_graph.graph import Call
from lcnn_train.keras_graph.kinds import softmax_of

_KERAS_ALPHAS = {"leaky_relu": 0.2, "elu": 1.0}  # defaults of Keras' and TensorFlow's functions
_FUNCTIONS = {  # a file's names are those of keras.activations and, but for hard_sigmoid's, of keras.ops and tf.nn
    getattr(module, name): name
    for module in (keras.activations, keras.ops, tf.nn, tf.math)
    for name in ACTIVATIONS
    if hasattr(module, name)
} | {
    keras.ops.gelu: "gelu_tanh",
    keras.ops.exp: "exponential",
    tf.exp: "exponential",
}  # that gelu's default is to approximate
_OPERATIONS = {  # what the functions make when they are called on Keras tensors
    nn.Relu: "relu",
    nn.Relu6: "relu6",
    nn.Sigmoid: "sigmoid",
    nn.Silu: "silu",
    nn.HardSigmoid: "hard_sigmoid",
    nn.HardSilu: "hard_silu",
    nn.Selu: "selu",
    nn.Softplus: "softplus",
    nn.Softsign: "softsign",
    nn.HardTanh: "hard_tanh",
    numpy_operations.Tanh: "tanh",
    numpy_operations.Exp: "exponential",
    numpy_operations.Absolute: "abs",
    numpy_operations.Sqrt: "sqrt",
    numpy_operations.Log: "log",
}

Activation = tuple[str, float | None]  # its name in the file, and alpha where it takes one
# Layers, and operations on Keras tensors, that are an activation and nothing else.
ACTIVATION_LAYERS: tuple[type, ...] = (
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.ELU,
    functions.ReLU,
    nn.LeakyRelu,
    nn.Elu,
    nn.Gelu,
    *_OPERATIONS,
)


def named_activation(layer: Any, activation: Callable[..., Any]) -> Activation:
    """Name an activation as a file does: a function of Keras or TensorFlow, or a layer that is one.

    Raises ExportError, for the layer that it belongs to, if a file has no name for it.
    """
    kind = type(activation)
    if kind is layers.Activation:
        return named_activation(layer, activation.activation)  # type: ignore[attr-defined]
    if kind in (layers.ReLU, functions.ReLU):
        return _relu(layer, activation)
    if kind in (layers.LeakyReLU, nn.LeakyRelu):
        return "leaky_relu", float(activation.negative_slope)  # type: ignore[attr-defined]
    if kind in (layers.ELU, nn.Elu):
        return "elu", float(activation.alpha)  # type: ignore[attr-defined]
    if kind is nn.Gelu:
        return ("gelu_tanh" if activation.approximate else "gelu"), None  # type: ignore[attr-defined]
    name = _OPERATIONS.get(kind) or (_FUNCTIONS.get(activation) if callable(activation) else None)
    if name is None:
        found = getattr(activation, "__name__", None) or f"{kind.__module__}.{kind.__name__}"
        module = getattr(activation, "__module__", "")
        found = f"{module}.{found}" if module and found in (*ACTIVATIONS, "softmax", "log_softmax") else found
        raise ExportError(
            f"layer {layer.name}: a model file has no activation {found}. Supported: "
            f"{', '.join(ACTIVATIONS)}, softmax, log_softmax, and functions of keras.ops and arithmetic"
        )
    return name, _KERAS_ALPHAS.get(name)


def is_named(activation: Any) -> bool:
    """Whether a file has a name for an activation, or an operation of its own."""
    try:
        named_activation(keras.layers.Identity(), activation)
    except ExportError:
        return softmax_of(activation) is not None
    return True


def _relu(layer: Any, relu: Any) -> Activation:
    slope, ceiling, threshold = (float(v or 0) for v in (relu.negative_slope, relu.max_value, relu.threshold))
    if threshold == 0 and relu.max_value is None:
        return ("leaky_relu", slope) if slope else ("relu", None)
    if threshold == 0 and not slope and ceiling == 6:
        return "relu6", None
    raise ExportError(
        f"layer {layer.name}: expected a ReLU with threshold 0 and, without negative_slope, max_value None or 6; "
        f"found threshold={relu.threshold}, max_value={relu.max_value}, negative_slope={relu.negative_slope}"
    )


def set_activation(node: NodeBuilder, activation: Activation) -> None:
    """Write an activation among a node's attributes; a linear one is the format's default."""
    name, alpha = activation
    if name != "linear":
        node.attributes["activation"] = name
    if alpha is not None:
        node.attributes["alpha"] = alpha


def own_activation(node: NodeBuilder, call: Call) -> None:
    """Give a node the activation inside its layer; a softmax inside is a call of its own."""
    if call.part not in ("linear", "pointwise_linear"):
        set_activation(node, named_activation(call.layer, call.layer.activation))
