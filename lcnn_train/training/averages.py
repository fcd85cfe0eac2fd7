"""A moving average of a model's weights, which is smoother than the weights and is what gets evaluated and exported.

The average of P goes through the layer's own threshold and mask like P itself, so it revives no lookup.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf


class WeightAverages:
    """average <- decay * average + (1 - decay) * weight, after every step, beginning with the first weights.

    Averaged are the trainable weights and the statistics of batch norms, that go with them. Make and update it
    inside the strategy's scope.
    """

    def __init__(self, model: keras.Model, decay: float, strategy: tf.distribute.Strategy):
        self.decay, self.strategy = decay, strategy
        # name of the variable in a checkpoint -> the weight and its average
        self.pairs: dict[str, tuple[keras.Variable, keras.Variable]] = {}
        for index, weight in enumerate(model.variables):
            if weight.trainable or weight.name.startswith("moving_"):
                start = tf.convert_to_tensor(weight.value)  # of a tf.Variable Keras would keep the variable itself
                average = keras.Variable(start, dtype=weight.dtype, trainable=False, name="average")
                self.pairs[f"{index:03d}/{weight.name}"] = (weight, average)
        self._swap = tf.function(self._swap_all)

    def update(self) -> None:
        """Take the weights of now into the averages."""
        self._for_each(lambda weight, average: average.assign(average * self.decay + weight * (1 - self.decay)))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model its averages for weights; afterwards its own again, to the bit."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap_all(self) -> None:
        def swap(weight: tf.Variable, average: tf.Variable) -> None:
            kept = tf.identity(weight)
            with tf.control_dependencies([kept]):
                weight.assign(average)
                average.assign(kept)

        with self.strategy.scope():
            self._for_each(swap)

    def _for_each(self, change: object) -> None:
        for weight, average in self.pairs.values():
            self.strategy.extended.update(weight.value, change, args=(average.value,), group=False)
