"""Copies of models: as they are but for what stands in the place of some layers, with the weights of all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from lcnn_train.keras_graph.graph import functional_graph


def copied_model(model: keras.Model, make: Callable[[Any], tuple[Any, ...]]) -> keras.Model:
    """Copy a model, and those inside it, with what `make(layer)` gives in the place of each layer.

    That are new layers of which each takes what the one before it gives. Each layer is asked for once, however often
    it is called; operations are asked for, too.
    """
    made: dict[Any, tuple[Any, ...]] = {}

    def of(layer: Any) -> tuple[Any, ...]:
        if layer not in made:
            inner = isinstance(layer, keras.Model) and functional_graph(layer) is not None
            made[layer] = (_copied(layer, of),) if inner else make(layer)
        return made[layer]

    with _not_compiled(model):
        return _copied(model, of)


def _copied(model: keras.Model, of: Callable[[Any], tuple[Any, ...]]) -> keras.Model:
    if isinstance(model, keras.Sequential):
        tensor = functional_graph(model).inputs[0]
        image = keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
        layers = [new for layer in model.layers for new in of(layer)]
        return keras.Sequential([image, *layers], name=model.name, trainable=model.trainable)
    before: dict[Any, tuple[Any, ...]] = {}

    def clone(layer: Any) -> Any:
        *first, last = of(layer)
        before[last] = tuple(first)
        return last

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        for first in before[layer]:
            args, kwargs = (first(*args, **kwargs),), {}
        return layer(*args, **kwargs)

    return keras.models.clone_model(model, clone_function=clone, call_function=call)


@contextmanager
def _not_compiled(model: keras.Model) -> Iterator[None]:
    """Keras would compile a copy again, and fails where the loss or a metric is a function that it cannot name."""
    models = [layer for layer in model._flatten_layers() if isinstance(layer, keras.Model) and layer.compiled]
    for each in models:
        each.compiled = False
    try:
        yield
    finally:
        for each in models:
            each.compiled = True


def copy_weights(old: Any, new: Any) -> None:
    """Give a copy of a layer its weights; nothing for an operation, which has none."""
    if not isinstance(old, keras.layers.Layer):
        return
    new.set_weights(old.get_weights())
    finalize: Callable[[], None] | None = getattr(new, "finalize_state", None)
    if finalize is not None:  # Normalization works with constants that it makes of its weights
        finalize()
