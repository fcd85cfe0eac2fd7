"""Copies of layers, of their functions too, and a layer without its activation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

_SHEAR = getattr(keras.layers, "RandomShear", None)


def copied(layer: Any, **changes: Any) -> Any:
    """Copy a layer or an operation, without its weights; `changes` are to its config.

    Functions are carried over themselves: Keras writes their names, and reads back none but those of its own.
    """
    if type(layer) is keras.layers.Lambda:
        return _copied_lambda(layer, changes)
    config = config_of(layer) | changes
    if type(layer) is _SHEAR:  # Keras writes (-x, x) for a factor x, and does not read that
        config |= {key: config[key][1] for key in ("x_factor", "y_factor") if config[key][0] < 0}
    return type(layer).from_config(config)


def config_of(layer: Any) -> dict[str, Any]:
    """Give the config of a layer or an operation, in which an activation that is a function is that itself: Keras
    refuses to write some, as `functools.partial`."""
    activation = getattr(layer, "activation", None)
    if not callable(activation) or isinstance(activation, keras.Operation):
        return dict(layer.get_config())
    with without_activation(layer):
        config = dict(layer.get_config())
    return config | ({"activation": activation} if "activation" in config else {})


def _copied_lambda(layer: keras.layers.Lambda, changes: dict[str, Any]) -> keras.layers.Lambda:
    """Copy a Lambda, which Keras refuses to make from a config, as that might be untrusted code."""
    config = layer.get_config() | changes
    kept = {key: config[key] for key in ("name", "trainable", "dtype", "output_shape") if key in config}
    if isinstance(kept.get("output_shape"), dict):  # a function too; Keras finds the shape without it
        del kept["output_shape"]
    return keras.layers.Lambda(layer.function, mask=layer.mask, arguments=layer.arguments, **kept)


@contextmanager
def without_activation(layer: Any) -> Iterator[None]:
    """Let a layer have the linear activation inside the context."""
    activation: Callable[..., Any] = layer.activation
    layer.activation = keras.activations.linear
    try:
        yield
    finally:
        layer.activation = activation
