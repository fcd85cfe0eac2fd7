"""tf.data batches. The pictures of a step are a function of (seed, step) alone, so that a resumed run sees the same.

Pictures become input by `lcnn_engine.preprocessing`, whose functions also serve prediction: TensorFlow's own resizing
gives other numbers than Pillow's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from lcnn_engine.graph import Preprocessing, Shape
from lcnn_engine.preprocessing import normalize, to_pixels
from lcnn_train.config import Augment
from lcnn_train.data.augment import augment
from lcnn_train.data.idx import Split
from lcnn_train.errors import DataError

_PREFETCH = 2
# What one step draws from its seed: augment() adds 1, 2 ... to it, and the next step must not draw the same.
_SEEDS_A_STEP = 4

Load = Callable[[np.int64], tuple[np.ndarray, np.ndarray]]


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
    preprocessing: Preprocessing,
    input_shape: Shape,
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
        return pixels(split, order[position * batch_size : (position + 1) * batch_size], preprocessing, input_shape)

    def change(x: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        return augment(x, tf.stack([tf.cast(seed, tf.int64), _SEEDS_A_STEP * step]), settings)

    return _batches(
        tf.data.Dataset.range(first_epoch * steps, epochs * steps), load, preprocessing, input_shape, change
    )


def evaluation_batches(
    split: Split, preprocessing: Preprocessing, input_shape: Shape, batch_size: int
) -> tf.data.Dataset:
    """Every picture of a split once, in its order; the last batch may be smaller."""

    def load(start: np.int64) -> tuple[np.ndarray, np.ndarray]:
        indices = np.arange(int(start), min(int(start) + batch_size, len(split)))
        return pixels(split, indices, preprocessing, input_shape)

    return _batches(tf.data.Dataset.range(0, len(split), batch_size), load, preprocessing, input_shape)


def pixels(
    split: Split, indices: np.ndarray, preprocessing: Preprocessing, input_shape: Shape
) -> tuple[np.ndarray, np.ndarray]:
    """The pictures at `indices`, resized but still uint8 (B, H, W, C), and their classes, int64 (B,)."""
    pictures = np.stack([to_pixels(split.images[i], preprocessing, input_shape) for i in indices])
    return pictures, split.labels[indices].astype(np.int64)


def _batches(
    numbers: tf.data.Dataset,
    load: Load,
    preprocessing: Preprocessing,
    input_shape: Shape,
    change: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
) -> tf.data.Dataset:
    """Each number loaded as a batch of uint8 pictures, changed, and made the network's input."""

    def batch(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # numpy_function cannot tell the shapes of what Python returns.
        x, y = tf.numpy_function(load, [number], [tf.uint8, tf.int64])
        x = tf.ensure_shape(x, (None, *input_shape))
        if change is not None:
            x = change(x, number)
        x = tf.numpy_function(lambda array: normalize(array, preprocessing), [x], tf.float32)
        return tf.ensure_shape(x, (None, *input_shape)), tf.ensure_shape(y, (None,))

    return numbers.map(batch, num_parallel_calls=1).prefetch(_PREFETCH)
