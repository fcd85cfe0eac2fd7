"""The gradient at every entry of P, those that are 0 too, by whichever backend Keras has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import keras
import numpy as np
from keras import ops


@contextmanager
def probing(layers: Sequence[Any], probes: Sequence[Any]) -> Iterator[None]:
    """Let layers add `probes`, of P's shape, to their sparse P: the gradient at these is that of every entry."""
    for layer, probe in zip(layers, probes, strict=True):
        layer.probe = probe
    try:
        yield
    finally:
        for layer in layers:
            layer.probe = None


def dense_gradients(layers: Sequence[Any], loss: Callable[[], Any]) -> list[np.ndarray]:
    """Return the gradient of `loss`, which calls the model, at every entry of the sparse P of layers.

    The model's variables are left as they are, whatever `loss` assigns to them.
    """
    zeros = [ops.zeros(layer.P.shape, layer.P.dtype) for layer in layers]

    def probed(probes: Sequence[Any]) -> Any:
        with keras.StatelessScope(), probing(layers, probes):
            return loss()

    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _numpy(_by_tensorflow(probed, zeros))
    if backend == "jax":
        return _numpy(import_module("jax").grad(probed)(zeros))
    if backend == "torch":
        zeros = [zero.requires_grad_() for zero in zeros]
        return _numpy(import_module("torch").autograd.grad(probed(zeros), zeros))
    raise ValueError(f"gradients: expected the backend tensorflow, jax or torch; found {backend}")


def _by_tensorflow(probed: Callable[[Sequence[Any]], Any], zeros: Sequence[Any]) -> Any:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(zeros)
        loss = probed(zeros)
    return tape.gradient(loss, zeros, unconnected_gradients="zero")


def _numpy(gradients: Sequence[Any]) -> list[np.ndarray]:
    return [np.asarray(ops.convert_to_numpy(gradient)) for gradient in gradients]
