"""tf.data batches. The pictures of a step are a function of (seed, step) alone, so that a resumed run sees the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from lcnn_train.config import Augment
from lcnn_train.data.augment import augment
from lcnn_train.data.idx import Split
from lcnn_train.data.pictures import normalized, resized
from lcnn_train.errors import DataError

_PREFETCH = 2


def hold_out(split: Split, count: int, seed: int) -> tuple[Split, Split]:
    """Divide a split at random (by `seed`) in two: all but `count` pictures, and those `count`."""
    if not 0 <= count < len(split):
        raise DataError(f"data.validation: expected fewer than the {len(split)} training pictures; found {count}")
    order = np.random.default_rng(seed).permutation(len(split))
    return split.take(np.sort(order[count:])), split.take(np.sort(order[:count]))


def steps_per_epoch(split: Split, batch_size: int) -> int:
    """Whole batches in an epoch; the remainder is dropped. Raises DataError if there is none."""
    if len(split) < batch_size:
        raise DataError(f"train.batch_size: expected at most the {len(split)} training pictures; found {batch_size}")
    return len(split) // batch_size


def training_batches(
    split: Split,
    preprocessing: dict[str, Any],
    batch_size: int,
    seed: int,
    first_epoch: int,
    epochs: int,
    settings: Augment,
) -> tf.data.Dataset:
    """Shuffled, augmented batches (x float32 (B, H, W, C), y int64 (B,)) of the epochs first_epoch .. epochs - 1."""
    steps = steps_per_epoch(split, batch_size)

    def load(step: np.int64) -> tuple[np.ndarray, np.ndarray]:
        epoch, position = divmod(int(step), steps)
        order = np.random.default_rng((seed, epoch)).permutation(len(split))
        return _load(split, order[position * batch_size : (position + 1) * batch_size], preprocessing)

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = _load_op(load, step, preprocessing)
        x = augment(x, tf.stack([tf.cast(seed, tf.int64), 4 * step]), settings)
        return normalized(tf.cast(x, tf.float32), preprocessing), y

    dataset = tf.data.Dataset.range(first_epoch * steps, epochs * steps)
    return dataset.map(batch, num_parallel_calls=1).prefetch(_PREFETCH)


def evaluation_batches(split: Split, preprocessing: dict[str, Any], batch_size: int) -> tf.data.Dataset:
    """Every picture of a split once, in its order; the last batch may be smaller."""

    def load(start: np.int64) -> tuple[np.ndarray, np.ndarray]:
        return _load(split, np.arange(start, min(start + batch_size, len(split))), preprocessing)

    def batch(start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = _load_op(load, start, preprocessing)
        return normalized(tf.cast(x, tf.float32), preprocessing), y

    dataset = tf.data.Dataset.range(0, len(split), batch_size)
    return dataset.map(batch, num_parallel_calls=1).prefetch(_PREFETCH)


def _load(split: Split, indices: np.ndarray, preprocessing: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    pictures = np.stack([resized(split.images[i], preprocessing) for i in indices])
    return pictures, split.labels[indices].astype(np.int64)


def _load_op(load: Any, argument: tf.Tensor, preprocessing: dict[str, Any]) -> tuple[tf.Tensor, tf.Tensor]:
    """`load` as an operation of tf.data, with the shapes that it cannot tell by itself."""
    x, y = tf.numpy_function(load, [argument], [tf.uint8, tf.int64])
    height, width = preprocessing["resize"]["size"]
    x.set_shape((None, height, width, len(preprocessing["mean"])))
    y.set_shape((None,))
    return x, y
