"""Keras' activations by the names that a model file has for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from lcnn_train.errors import ExportError
from lcnn_train.export.builder import NodeBuilder
from lcnn_train.keras_graph import Call

_ACTIVATION_NAMES = {
    keras.activations.linear: "linear",
    keras.activations.relu: "relu",
    keras.activations.relu6: "relu6",
    keras.activations.leaky_relu: "leaky_relu",
    keras.activations.sigmoid: "sigmoid",
    keras.activations.tanh: "tanh",
    keras.activations.silu: "silu",
    keras.activations.hard_sigmoid: "hard_sigmoid",
    keras.activations.hard_silu: "hard_silu",
}
_KERAS_LEAKY_SLOPE = 0.2  # keras.activations.leaky_relu's default, the one a layer's activation="leaky_relu" has

Activation = tuple[str, float | None]  # its name in the file, and leaky_relu's slope


def named_activation(layer: Any, activation: Callable[..., Any]) -> Activation:
    """Name a function of Keras as a file does. Raises ExportError if it has no name for it."""
    name = _ACTIVATION_NAMES.get(activation)
    if name is None:
        found = getattr(activation, "__name__", repr(activation))
        raise ExportError(
            f"layer {layer.name}: a model file has no activation {found}. "
            f"Supported: {', '.join(_ACTIVATION_NAMES.values())}, softmax"
        )
    return name, _KERAS_LEAKY_SLOPE if name == "leaky_relu" else None


def set_activation(node: NodeBuilder, activation: Activation) -> None:
    """Write an activation among a node's attributes; a linear one is the format's default."""
    name, alpha = activation
    if name != "linear":
        node.attributes["activation"] = name
    if alpha is not None:
        node.attributes["alpha"] = alpha


def own_activation(node: NodeBuilder, call: Call) -> None:
    """Give a node the activation inside its layer; a softmax inside is a call of its own."""
    if call.part != "linear":
        set_activation(node, named_activation(call.layer, call.layer.activation))
