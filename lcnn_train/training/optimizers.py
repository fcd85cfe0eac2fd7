"""Optimizers, the decay of weights, and the scale of half-precision losses: all that turns gradients into an update.

An update runs between the replicas, with gradients that are summed up already, and does each variable where it lies:
Keras' own `apply` sums gradients itself, once a replica, and cannot be asked whether the sum is finite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from lcnn_train.config import training as settings
from lcnn_train.errors import ConfigError
from lcnn_train.training.schedules import Schedule


@dataclass(frozen=True)
class OptimizerEntry:
    """An optimizer that a configuration can name: what it is, and how it is made of a learning rate."""

    description: str
    make: Callable[[settings.Optimizer, Schedule | float], keras.optimizers.Optimizer]


OPTIMIZERS: dict[str, OptimizerEntry] = {
    "sgd": OptimizerEntry(
        "Stochastic gradient descent with `momentum`, Nesterov's if `nesterov`",
        lambda chosen, rate: keras.optimizers.SGD(rate, momentum=chosen.momentum, nesterov=chosen.nesterov),
    ),
    "adam": OptimizerEntry(
        "Adam (Kingma and Ba, 2015) with Keras' decays of 0.9 and 0.999",
        lambda chosen, rate: keras.optimizers.Adam(rate),
    ),
    "adagrad": OptimizerEntry(
        "Adagrad (Duchi et al., 2011) from `initial_accumulator` on",
        lambda chosen, rate: keras.optimizers.Adagrad(rate, initial_accumulator_value=chosen.initial_accumulator),
    ),
}


def make_optimizer(chosen: settings.Optimizer, rate: Schedule | float) -> keras.optimizers.Optimizer:
    """Make the Keras optimizer of a configuration, without its weight decay, which is `WeightDecay`'s.

    Raises ConfigError for a name that is not among OPTIMIZERS.
    """
    entry = OPTIMIZERS.get(chosen.name)
    if entry is None:
        raise ConfigError(f"train.optimizer.name: expected one of {', '.join(OPTIMIZERS)}; found {chosen.name!r}")
    return entry.make(chosen, rate)


class WeightDecay:
    """The weight decay of a configuration: which share of the weights is taken off in a step."""

    def __init__(self, chosen: settings.Optimizer, steps: int):
        self.rate, self.decoupled = chosen.weight_decay, chosen.decoupled_weight_decay
        first, last = chosen.weight_decay_epochs or (1, None)
        self.first, self.end = (first - 1) * steps, None if last is None else last * steps

    def at(self, step: Any) -> tf.Tensor:
        """Return the decay in a step, counted from 0: `rate` in the epochs that it is for, else 0."""
        step = tf.cast(step, tf.int64)
        within = step >= self.first
        if self.end is not None:
            within &= step < self.end
        return tf.where(within, self.rate, 0.0)


class LossScale:
    """Keeps half-precision gradients out of the subnormal range: the loss is multiplied by `scale` before them.

    The scale doubles after `GROWTH` steps whose gradients were finite. A step whose gradients were not is left out,
    and halves it.
    """

    START, GROWTH = 2.0**15, 2000

    def __init__(self) -> None:
        self.scale = keras.Variable(self.START, dtype="float32", trainable=False, name="loss_scale")
        self.finite_steps = keras.Variable(0, dtype="int32", trainable=False, name="finite_steps")

    @property
    def variables(self) -> list[keras.Variable]:
        return [self.scale, self.finite_steps]

    def update(self, finite: tf.Tensor) -> None:
        """Adapt the scale after a step, whose gradients were finite or not."""
        grown = tf.convert_to_tensor(self.finite_steps.value) + 1
        full = grown >= self.GROWTH
        scale = tf.convert_to_tensor(self.scale.value)
        halved = tf.maximum(scale / 2, 1.0)
        self.scale.assign(tf.where(finite, tf.where(full, scale * 2, scale), halved))
        self.finite_steps.assign(tf.where(finite & ~full, grown, 0))


class Update:
    """One update of all variables, in the context between replicas, inside a strategy's scope."""

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        rate: Schedule | float,
        decay: WeightDecay,
        strategy: tf.distribute.Strategy,
    ):
        self.optimizer, self.rate, self.decay, self.strategy = optimizer, rate, decay, strategy

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return float(keras.ops.convert_to_numpy(self.rate(step) if callable(self.rate) else self.rate))

    def __call__(self, variables: Sequence[keras.Variable], gradients: Sequence[Any]) -> None:
        """Apply gradients that are the same on every replica; count the step with `finish`."""
        rate = tf.convert_to_tensor(self.optimizer.learning_rate)
        decay = self.decay.at(self.optimizer.iterations) if self.decay.rate else None
        for variable, gradient in zip(variables, gradients, strict=True):
            self.strategy.extended.update(
                variable.value, self._one(variable.constraint), args=(gradient, rate, decay), group=False
            )

    def finish(self) -> None:
        """Count a step, whether it changed anything or not: schedules go by it."""
        self.optimizer.iterations.assign_add(1)

    def _one(self, constraint: Any) -> Any:
        def update(variable: tf.Variable, gradient: tf.Tensor, rate: tf.Tensor, decay: tf.Tensor | None) -> None:
            rate = tf.cast(rate, variable.dtype)
            if decay is not None and self.decay.decoupled:
                variable.assign_sub(variable * tf.cast(decay, variable.dtype) * rate)
            elif decay is not None:
                gradient = gradient + variable * tf.cast(decay, variable.dtype)
            self.optimizer.update_step(gradient, variable, rate)
            if constraint is not None:
                variable.assign(constraint(variable))

        return update
