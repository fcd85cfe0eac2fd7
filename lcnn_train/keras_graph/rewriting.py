"""Layers that are taken for what a function makes of Keras tensors: which ones, and whether it gives what they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from lcnn_train.errors import ExportError
from lcnn_train.keras_graph.graph import fixed_shape

Rewriting = Callable[..., Any]
_REWRITTEN: dict[type, Rewriting] = {
    keras.layers.Average: lambda _, *inputs: keras.layers.Rescaling(1 / len(inputs))(keras.layers.Add()(inputs)),
}
_is_named: list[Callable[[Any], bool]] = []


def rewritten(layer_class: type, function: Rewriting) -> None:
    """Have calls of a layer class taken for what `function(layer, *inputs)` makes of Keras tensors."""
    _REWRITTEN[layer_class] = function


def rewritten_kinds() -> tuple[type, ...]:
    """List the layer classes and operations that are taken for what they are written as."""
    return tuple(_REWRITTEN)


def name_activations(is_named: Callable[[Any], bool]) -> None:
    """Say which activations are called by a name; the others are taken for what they make of Keras tensors."""
    _is_named[:] = [is_named]


def rewriting_of(layer: Any) -> Callable[..., Any] | None:
    """Find what is to be made of the inputs of a layer in its place; None where it is taken as it is."""
    function = _REWRITTEN.get(type(layer))
    return None if function is None else partial(function, layer)


def unnamed_activation(layer: Any) -> Callable[..., Any] | None:
    """Find the activation of a layer where it has no name, to be called on a Keras tensor; None for others.

    It gives NotImplemented where it cannot be called on one.
    """
    activation = getattr(layer, "activation", None)
    if not isinstance(layer, keras.layers.Layer) or not callable(activation):
        return None
    if all(named(activation) for named in _is_named):
        return None

    def function(x: Any) -> Any:
        try:
            return activation(x)
        except Exception:  # whatever a function of anybody's raises on tensors without values
            return NotImplemented

    return function


def model_of(
    layer: Any, function: Callable[..., Any], given: Sequence[Any], original: Callable[..., Any] | None = None
) -> keras.Model | None:
    """Make a model of what `function` makes of tensors like those `given`; None where it says NotImplemented.

    Raises ExportError unless that gives what the layer gives, or the `original` inside of it.
    """
    inputs = [keras.Input(batch_shape=(None, *tensor.shape[1:]), dtype=tensor.dtype) for tensor in given]
    output = function(*inputs)
    if output is NotImplemented:
        return None
    if not isinstance(output, keras.KerasTensor) or any(output is tensor for tensor in inputs):
        raise ExportError(f"layer {layer.name}: expected its translation to give a new Keras tensor, found {output!r}")
    model = keras.Model(inputs, output)
    _check(layer, original or layer, model, [fixed_shape(tensor, f"layer {layer.name}") for tensor in inputs])
    return model


def _check(layer: Any, original: Any, model: Any, shapes: list[tuple[int, ...]]) -> None:
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
