"""Learning new classes from a few images, on a network that was trained on other classes: three ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lcnn_train.layers.lookup import LookupDense
from lcnn_train.layers.sparsity import lookup_layers
from lcnn_train.training.extras import freeze_dictionaries

_AT_ONCE = 500  # test images


class Learner:
    """A network that forgets what it has learned before each time that it learns.

    Batch norms and dropouts are as in prediction: a few images say nothing of a class's mean. Learning is `steps` steps
    of SGD with momentum, each on all images.

    Args:
        model: of the new classes; one softmax is its output. variables: what is trained of it.
        steps: how many. rate: of learning.
        fresh: gives the values that the variables to be drawn anew begin with, by a seed; all others begin as they are.
    """

    def __init__(
        self,
        model: keras.Model,
        variables: Sequence[keras.Variable],
        steps: int,
        rate: float,
        fresh: Callable[[int], Sequence[tuple[keras.Variable, np.ndarray]]],
    ):
        self.model, self.variables, self.steps, self.fresh = model, list(variables), steps, fresh
        self._begin = [(v, np.array(keras.ops.convert_to_numpy(v))) for v in model.variables]
        self._optimizer = keras.optimizers.SGD(rate, momentum=0.9)
        self._optimizer.build(self.variables)
        self._step = tf.function(self._one_step, reduce_retracing=True)

    def accuracy(self, x: np.ndarray, y: np.ndarray, test_x: np.ndarray, test_y: np.ndarray, seed: int) -> float:
        """Learn images x (N, ...) of classes y (N,); return the share of the test images that it then gets right."""
        for variable, value in (*self._begin, *self.fresh(seed)):
            variable.assign(value)
        for variable in self._optimizer.variables:
            if variable is not self._optimizer.learning_rate:
                variable.assign(np.zeros(variable.shape, variable.dtype))
        batch = tf.constant(x), tf.constant(y)
        for _ in range(self.steps):
            self._step(*batch)
        answers = self.model.predict(test_x, batch_size=_AT_ONCE, verbose=0)
        return float((answers.argmax(axis=-1) == test_y).mean())

    def _one_step(self, x: tf.Tensor, y: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            losses = keras.losses.sparse_categorical_crossentropy(y, self.model(x, training=False))
            loss = tf.reduce_mean(losses) + sum(layer.penalty() for layer in lookup_layers(self.model))
        gradients = tape.gradient(loss, [v.value for v in self.variables], unconnected_gradients="zero")
        self._optimizer.apply(gradients, self.variables)


def by_lookups(base: keras.Model, classes: int, steps: int, rate: float) -> Learner:
    """Learn P in every lookup layer, dictionaries frozen, and a new classifier of lookups on the old dictionary.

    `base` ends in a LookupDense with a dictionary and a softmax. Norms and biases stay as they are, but the new bias.
    """
    old = _classifier(base)
    new = LookupDense(
        classes, old.dictionary, old.l1, old.threshold, use_bias=old.use_bias, name=f"{old.name}_of_new_classes"
    )
    model = _with_head(base, new)
    assert new.D is not None  # `old` has one
    new.D.assign(np.array(keras.ops.convert_to_numpy(old.D)))
    freeze_dictionaries(model)
    variables = [layer.P for layer in lookup_layers(model)] + ([new.bias] if new.use_bias else [])

    def fresh(seed: int) -> list[tuple[keras.Variable, np.ndarray]]:
        sigma = 1.0 / np.sqrt(old.dictionary)
        return [(new.P, np.random.default_rng(seed).uniform(-sigma, sigma, new.P.shape).astype(np.float32))]

    return Learner(model, variables, steps, rate, fresh)


def by_all_weights(base: keras.Model, classes: int, steps: int, rate: float) -> Learner:
    """Fine-tune all weights of a dense network under a new dense classifier, as the paper does with its CNN."""
    return _under_dense(base, classes, steps, rate, lambda model: model.trainable_variables)


def by_classifier(base: keras.Model, classes: int, steps: int, rate: float) -> Learner:
    """Learn a new dense classifier alone, on the features as they are: a linear probe."""
    return _under_dense(base, classes, steps, rate, lambda model: _classifier(model).trainable_variables)


def _under_dense(
    base: keras.Model, classes: int, steps: int, rate: float, trained: Callable[[keras.Model], Any]
) -> Learner:
    new = keras.layers.Dense(classes, name=f"{_classifier(base).name}_of_new_classes")
    model = _with_head(base, new)
    limit = np.sqrt(6.0 / sum(new.kernel.shape))  # of Glorot's uniform start, Keras' own

    def fresh(seed: int) -> list[tuple[keras.Variable, np.ndarray]]:
        return [(new.kernel, np.random.default_rng(seed).uniform(-limit, limit, new.kernel.shape).astype(np.float32))]

    return Learner(model, trained(model), steps, rate, fresh)


def _classifier(model: keras.Model) -> Any:
    """The last layer with weights."""
    return next(layer for layer in reversed(model.layers) if layer.weights)


def _with_head(base: keras.Model, head: Any) -> keras.Model:
    """A copy of a network, with another last layer of weights under the softmax."""
    copy = keras.models.clone_model(base)
    copy.set_weights(base.get_weights())
    return keras.Model(copy.inputs[0], keras.layers.Softmax()(head(_classifier(copy).input)))
