"""The training step and the evaluation step, the same under every strategy.

Gradients are summed over replicas by us and applied between replicas (see optimizers.py). The penalties of lookup
layers are taken from P directly: `model.losses` is one list for all replicas, which mirrored replicas, that wait for
each other inside a batch norm, empty for one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lcnn_engine.utils.moved import former_names
from lcnn_train.layers.sparsity import lookup_layers
from lcnn_train.training.averages import WeightAverages
from lcnn_train.training.distillation import Teaching, log_probabilities
from lcnn_train.training.distribute import Replicas
from lcnn_train.training.gradual.gradients import probing
from lcnn_train.training.mixup import Mixed, Mixup
from lcnn_train.training.optimizers import LossScale, Update

_TOP = 5
_STORED = {"pictures": "images"}  # names in a checkpoint -> those here, where they differ


@dataclass
class MetricSums:
    """Figures of images seen, added up over them: cross entropy, penalty, and how many were right.

    `top1`, `top5`: the class was the first, or among the first five.
    """

    cross_entropy: float = 0.0
    penalty: float = 0.0
    top1: float = 0.0
    top5: float = 0.0
    images: float = 0.0

    @classmethod
    def from_stored(cls, stored: Mapping[str, float]) -> MetricSums:
        """Make the sums of what `stored` gave."""
        return cls(**{_STORED.get(name, name): value for name, value in stored.items()})

    def stored(self) -> dict[str, float]:
        """Name the sums as checkpoints do."""
        names = {own: name for name, own in _STORED.items()}
        return {names.get(own, own): value for own, value in vars(self).items()}

    def add(self, other: MetricSums) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def loss(self) -> float:
        """What is minimized: the mean cross entropy and the penalty."""
        return (self.cross_entropy + self.penalty) / max(self.images, 1)

    def metrics(self, prefix: str = "") -> dict[str, float]:
        """Calculate the means, by their names in a log."""
        count = max(self.images, 1)
        values = {"loss": self.loss, "accuracy": self.top1 / count, "top5": self.top5 / count}
        return {prefix + name: value for name, value in values.items()}


@dataclass(frozen=True)
class LabelLoss:
    """The loss by the labels: a share `smoothing` of each spread over all classes, `weights` of the classes or None."""

    smoothing: float = 0.0
    weights: tuple[float, ...] | None = None

    def __call__(self, logits: tf.Tensor, cross_entropy: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Return the losses (N,) of logits (N, classes), their cross entropies (N,) and labels (N,)."""
        losses = cross_entropy
        if self.smoothing:
            spread = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
            losses = (1 - self.smoothing) * losses + self.smoothing * spread
        return losses if self.weights is None else losses * tf.gather(tf.constant(self.weights, losses.dtype), y)


class TrainingStep:
    """What is done with one batch.

    Args:
        model, update: what is trained, and how; both made in the scope of the strategy.
        replicas: who does it. The model's batch norms are made to count the images of all of them.
        batch_size: of all replicas together.
        accumulate: equal parts that a replica takes its images in, one after the other.
        averages, loss_scale, teaching: or None.
        labels: what is made of the labels' cross entropies, or None.
        mixup: how images are blended, or None. The metrics of training are then those of blends, by their own labels.
    """

    def __init__(
        self,
        model: keras.Model,
        update: Update,
        replicas: Replicas,
        batch_size: int,
        accumulate: int = 1,
        averages: WeightAverages | None = None,
        loss_scale: LossScale | None = None,
        teaching: Teaching | None = None,
        labels: LabelLoss | None = None,
        mixup: Mixup | None = None,
    ):
        self.model, self.update, self.replicas = model, update, replicas
        self.batch_size, self.accumulate = batch_size, accumulate
        self.averages, self.loss_scale, self.teaching = averages, loss_scale, teaching
        self.labels, self.mixup = labels or LabelLoss(), mixup
        self.variables = list(model.trainable_variables)
        if replicas.count > 1:
            for layer in model.layers:
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.synchronized = True
        self._train = tf.function(self._train_step)
        self._evaluate = tf.function(self._evaluate_step)
        self._probe = tf.function(self._probe_step)

    def train(self, batch: Any, stop: bool = False) -> tuple[MetricSums, bool]:
        """Take a step; its metrics, and whether any worker wants to stop after it."""
        *sums, stops = np.asarray(self._train(*batch, tf.constant(stop)))
        return MetricSums(*map(float, sums)), stops > 0

    def evaluate(self, batch: Any) -> MetricSums:
        """Return the metrics of a batch (x, y, weights), those of weight 0 left out."""
        return MetricSums(*map(float, np.asarray(self._evaluate(*batch))))

    def dense_gradients(self, batch: Any) -> list[np.ndarray]:
        """Return the gradient of a batch's cross entropy at every entry of the sparse P of each lookup layer.

        Those of entries that are 0 are among them. Batch norms and dropouts are as in evaluation.
        """
        return [np.asarray(gradient) for gradient in self._probe(*batch)]

    def _probe_step(self, x: Any, y: Any) -> list[tf.Tensor]:
        gradients = self.replicas.strategy.run(self._gradients_of_probes, args=(x, y))
        return [self.replicas.sum(gradient) for gradient in gradients]

    def _gradients_of_probes(self, x: tf.Tensor, y: tf.Tensor) -> list[tf.Tensor]:
        found = lookup_layers(self.model)
        zeros = [tf.zeros(layer.P.shape, layer.P.dtype) for layer in found]
        with tf.GradientTape() as tape:
            tape.watch(zeros)
            with probing(found, zeros):
                _, cross_entropy = _cross_entropy(self.model(x, training=False), y)
            loss = tf.reduce_sum(cross_entropy) / self.batch_size
        gradients: list[tf.Tensor] = tape.gradient(loss, zeros, unconnected_gradients="zero")
        return gradients

    def _train_step(self, x: Any, y: Any, stop: tf.Tensor) -> tf.Tensor:
        gradients, sums, infinite = self.replicas.strategy.run(self._gradients, args=(x, y, stop))
        with self.replicas.strategy.scope():
            if self.loss_scale is None:
                self._apply(gradients)
            else:
                finite = tf.equal(self.replicas.sum(infinite), 0)
                tf.cond(finite, lambda: self._apply(gradients), lambda: None)
                self.loss_scale.update(finite)
            self.update.finish()
            return self.replicas.sum(sums)

    def _apply(self, gradients: Sequence[Any]) -> None:
        self.update(self.variables, gradients)
        if self.averages is not None:
            self.averages.update()

    def _gradients(self, x: tf.Tensor, y: tf.Tensor, stop: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
        """On one replica: gradients summed over all, its own metrics, and how many gradients are not finite."""
        parts = zip(tf.split(x, self.accumulate), tf.split(y, self.accumulate), strict=True)
        gradients: list[tf.Tensor] = []
        sums = tf.zeros(5, tf.float64)
        for x_part, y_part in parts:
            with tf.control_dependencies(gradients):  # one part after the other: they share the memory
                more, metrics = self._gradients_of_part(tf.identity(x_part), y_part)
            gradients = [a + b for a, b in zip(gradients, more, strict=True)] if gradients else more
            sums += metrics
        context = tf.distribute.get_replica_context()
        if self.replicas.count > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        infinite = tf.zeros((), tf.int32)
        if self.loss_scale is not None:
            scale = tf.convert_to_tensor(self.loss_scale.scale.value)
            gradients = [g / tf.cast(scale, g.dtype) for g in gradients]
            infinite = tf.add_n([tf.math.count_nonzero(~tf.math.is_finite(g), dtype=tf.int32) for g in gradients])
        return gradients, tf.concat([sums, [tf.cast(stop, tf.float64)]], 0), infinite

    def _gradients_of_part(self, x: tf.Tensor, y: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        weights = tf.ones_like(y, tf.float64)
        mixed = None if self.mixup is None else self.mixup(x, y, self.update.optimizer.iterations)
        with tf.GradientTape() as tape:
            penalty = self._penalty()
            logits, cross_entropy, losses = self._losses(mixed.x if mixed else x, y, mixed)
            # Each replica has its share of the penalty, which is the same on all of them.
            share = penalty / (self.replicas.count * self.accumulate)
            loss = tf.reduce_sum(losses) / self.batch_size + tf.cast(share, losses.dtype)
            if self.loss_scale is not None:
                loss *= tf.convert_to_tensor(self.loss_scale.scale.value)
        gradients = tape.gradient(loss, [v.value for v in self.variables], unconnected_gradients="zero")
        return gradients, _sums(logits, cross_entropy, penalty, y, weights)

    def _losses(self, x: tf.Tensor, y: tf.Tensor, mixed: Mixed | None) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Logits, cross entropies, and what of each image is minimized: these, or with the teacher's share in them."""
        if self.teaching is None:
            logits, cross_entropy = _cross_entropy(self.model(x, training=True), y)
            return logits, cross_entropy, self._by_labels(logits, cross_entropy, y, mixed)
        (answer, *teachers), (output, *features) = self.teaching.answers(x), self.teaching.outputs(x, True)
        logits, cross_entropy = _cross_entropy(output, y)
        divergence = self.teaching.divergence(logits, log_probabilities(tf.cast(answer, logits.dtype)))
        losses = (1 - self.teaching.weights.weight) * self._by_labels(logits, cross_entropy, y, mixed) + divergence
        if features:  # a mean over images, so that it counts once for each
            losses += tf.cast(self.teaching.feature_loss(features, teachers), losses.dtype)
        return logits, cross_entropy, losses

    def _by_labels(self, logits: tf.Tensor, cross_entropy: tf.Tensor, y: tf.Tensor, mixed: Mixed | None) -> tf.Tensor:
        """The losses by the labels; of blends by those of both images."""
        own = self.labels(logits, cross_entropy, y)
        if mixed is None:
            return own
        other = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=mixed.others, logits=logits)
        return mixed.blend(own, self.labels(logits, other, mixed.others))

    def _penalty(self) -> tf.Tensor:
        """lambda' * epsilon * |P|_1 of all lookup layers (LCNN, section 3.2), and what regularizers ask for."""
        penalties = [layer.penalty() for layer in lookup_layers(self.model)]
        penalties += [v.regularizer(v) for v in self.variables if v.regularizer is not None]
        return tf.add_n(penalties) if penalties else tf.zeros((), keras.config.floatx())

    def _evaluate_step(self, x: Any, y: Any, weights: Any) -> tf.Tensor:
        return self.replicas.sum(self.replicas.strategy.run(self._metrics, args=(x, y, weights)))

    def _metrics(self, x: tf.Tensor, y: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        logits, cross_entropy = _cross_entropy(self.model(x, training=False), y)
        return _sums(logits, cross_entropy, self._penalty(), y, weights)


def _cross_entropy(probabilities: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Logits (N, classes) and cross entropies (N,), in single precision at least.

    From what went into the softmax, where that is the network's last operation: the logarithm of a probability that
    was rounded to 0 has no gradient.
    """
    whole = tf.float64 if probabilities.dtype == tf.float64 else tf.float32
    if probabilities.op.type == "Softmax":
        logits = tf.cast(probabilities.op.inputs[0], whole)
    else:
        logits = tf.math.log(tf.maximum(tf.cast(probabilities, whole), keras.config.epsilon()))
    return logits, tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)


def _sums(
    logits: tf.Tensor, cross_entropy: tf.Tensor, penalty: tf.Tensor, y: tf.Tensor, weights: tf.Tensor
) -> tf.Tensor:
    """The fields of MetricSums, float64 (5,)."""
    count = tf.reduce_sum(weights)
    right = tf.cast(tf.equal(tf.argmax(logits, 1, y.dtype), y), tf.float64)
    among = tf.math.in_top_k(y, tf.cast(logits, tf.float32), min(_TOP, logits.shape[1]))
    return tf.stack(
        [
            tf.reduce_sum(tf.cast(cross_entropy, tf.float64) * weights),
            tf.cast(penalty, tf.float64) * count,
            tf.reduce_sum(right * weights),
            tf.reduce_sum(tf.cast(among, tf.float64) * weights),
            count,
        ]
    )


former_names(__name__, Step="TrainingStep", Sums="MetricSums")
