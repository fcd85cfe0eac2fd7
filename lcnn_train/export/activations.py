"""Keras' activations by the names that a model file has for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from lcnn_engine.model.activations import ACTIVATIONS
from lcnn_train.errors import ExportError
from lcnn_train.export.builder import NodeBuilder
from lcnn_train.keras_graph import Call

_ACTIVATION_NAMES = {getattr(keras.activations, name): name for name in ACTIVATIONS}  # a file's names are Keras' own
_KERAS_ALPHAS = {"leaky_relu": 0.2}  # defaults of Keras' functions: what activation="leaky_relu" of a layer means

Activation = tuple[str, float | None]  # its name in the file, and alpha where it takes one


def named_activation(layer: Any, activation: Callable[..., Any]) -> Activation:
    """Name a function of Keras as a file does. Raises ExportError if it has no name for it."""
    name = _ACTIVATION_NAMES.get(activation)
    if name is None:
        found = getattr(activation, "__name__", repr(activation))
        raise ExportError(
            f"layer {layer.name}: a model file has no activation {found}. "
            f"Supported: {', '.join(_ACTIVATION_NAMES.values())}, softmax"
        )
    return name, _KERAS_ALPHAS.get(name)


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
