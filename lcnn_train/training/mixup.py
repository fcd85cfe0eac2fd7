"""Mixup: images and labels are blended in pairs, so that a network does not learn single images by heart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True)
class Mixed:
    """Images (N, ...) of which each has `share` (N,) of its own and the rest of another, whose labels are `others`."""

    x: tf.Tensor
    others: tf.Tensor
    share: tf.Tensor

    def blend(self, own: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """Weigh losses (N,) by the labels of both."""
        share = tf.cast(self.share, own.dtype)
        return share * own + (1 - share) * other


@dataclass(frozen=True)
class Mixup:
    """Blends with shares from Beta(alpha, alpha), one for each image (Zhang et al., 2018).

    An image's other is the one as far from the end of the batch as it is from the beginning: batches are in a random
    order. Shares are a function of (seed, step) alone, so a run that is resumed draws the same.
    """

    alpha: float
    seed: int

    def __call__(self, x: tf.Tensor, y: tf.Tensor, step: Any) -> Mixed:
        """Blend images (N, ...) and labels (N,) of the step of that number."""
        count, seed = tf.shape(x)[0], tf.stack([tf.constant(self.seed, tf.int64), tf.cast(step, tf.int64)])
        # Of two gamma draws, the first's part in their sum is a beta draw.
        one, two = tf.unstack(tf.random.stateless_gamma(tf.stack([2, count]), seed, self.alpha, dtype=tf.float64))
        share = one / tf.maximum(one + two, 1e-300)
        weight = tf.reshape(tf.cast(share, x.dtype), tf.concat([[count], tf.ones(len(x.shape) - 1, tf.int32)], 0))
        return Mixed(weight * x + (1 - weight) * tf.reverse(x, [0]), tf.reverse(y, [0]), share)
