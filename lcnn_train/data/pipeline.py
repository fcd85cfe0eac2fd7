"""tf.data batches. The images of a step are a function of (seed, epoch, step) alone, so a resumed run sees the same.

Images become input by `lcnn_engine.images.preprocessing`, whose functions also serve prediction: TensorFlow's own
decoding and resizing give other numbers than Pillow's. An image that cannot be read is noted in its data set's
`skipped`; in training another, drawn at random, takes its place, so that batches keep their size, and in evaluation it
is left out.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from lcnn_engine.images.preprocessing import normalize
from lcnn_engine.model.graph import Preprocessing, Shape
from lcnn_engine.utils.moved import former_names
from lcnn_train.data.augment import augmentation, begins_unresized, generators
from lcnn_train.data.images import Images
from lcnn_train.data.reader import Reader
from lcnn_train.errors import DataError

AnyImages = TypeVar("AnyImages", bound=Images)

_PREFETCH = 2
# Images that one call into Python reads: the call's own cost is shared, and a batch is still read by many threads.
_CHUNK = 32
# Numbers in an image up to which one thread reads and changes more of them than two: 12,200 a second of 28x28 greys
# where two came to 7,300 (of 224x224, 1,310 and 2,605).
_SMALL = 64 * 64
# So many images in a row that cannot be read are no matter of a few bad files.
_TRIES = 100


def hold_out(images: AnyImages, count: int, seed: int) -> tuple[AnyImages, AnyImages]:
    """Divide images at random (by `seed`) in two: all but `count` of them, and those `count`."""
    if not 0 <= count < len(images):
        raise DataError(f"data.validation: expected fewer than the {len(images)} training images; found {count}")
    order = np.random.default_rng(seed).permutation(len(images))
    return images.take(np.sort(order[count:])), images.take(np.sort(order[:count]))


def steps_per_epoch(images: Images, batch_size: int) -> int:
    """Count whole batches in an epoch; the remainder is dropped. Raises DataError if there is none."""
    if len(images) < batch_size:
        raise DataError(f"train.batch_size: expected at most the {len(images)} training images; found {batch_size}")
    return len(images) // batch_size


def training_batches(
    images: Images,
    preprocessing: Preprocessing,
    input_shape: Shape,
    batch_size: int,
    seed: int,
    first_epoch: int,
    epochs: int,
    augment: Sequence[Any] = (),
    *,
    first_step: int = 0,
    shards: int = 1,
    shard: int = 0,
    workers: int | None = None,
    cache: int = 0,
) -> tf.data.Dataset:
    """Make shuffled, augmented batches (x float32 (B, H, W, C), y int64 (B,)) of epochs first_epoch .. epochs - 1.

    `batch_size` is that of all workers together: worker `shard` of `shards` gets its rows of every batch, so that
    together they see what one alone would. `first_step` leaves out the first steps of the first epoch. `workers`
    threads read (None: one a core), and images are kept decoded if all fit into `cache` MiB.
    Raises DataError if the data set has less than a batch, or if the batch does not divide among the workers.
    """
    steps, rows = steps_per_epoch(images, batch_size), _rows(batch_size, shards)
    reader = Reader(images, preprocessing, None if begins_unresized(augment) else input_shape, cache)
    change = augmentation(augment, preprocessing, input_shape)
    chunk = _chunk(rows)

    def load(number: np.int64) -> tuple[np.ndarray, np.ndarray]:
        step, row = divmod(int(number) * chunk, rows)
        epoch, step = divmod(step, steps)
        first = step * batch_size + shard * rows + row
        positions = range(first, first + chunk)
        indices, found = zip(*(_read_or_replaced(reader, seed, epoch, position) for position in positions), strict=True)
        if augment:
            draws = generators(seed, (epoch * len(images) + position for position in positions))
            found = tuple(change(pixels, rng) for pixels, rng in zip(found, draws, strict=True))
        return np.stack(found), images.labels[list(indices)].astype(np.int64)

    per_step = rows // chunk
    first = (first_epoch * steps + first_step) * per_step
    numbers = tf.data.Dataset.range(first, epochs * steps * per_step)
    batches = _loaded(numbers, load, reader, input_shape, workers).rebatch(rows, drop_remainder=True)
    count = max(0, (epochs - first_epoch) * steps - first_step)
    return _finished(batches, preprocessing, input_shape, rows).apply(tf.data.experimental.assert_cardinality(count))


def evaluation_batches(
    images: Images,
    preprocessing: Preprocessing,
    input_shape: Shape,
    batch_size: int,
    *,
    workers: int | None = None,
    cache: int = 0,
    numbered: bool = False,
) -> tf.data.Dataset:
    """Make batches of every image once, in their order, but those that cannot be read; the last may be smaller.

    Batches are (x float32 (B, H, W, C), y int64 (B,)), y the labels, or with `numbered` the images' numbers.
    """
    reader = Reader(images, preprocessing, input_shape, cache)
    chunk = min(_CHUNK, batch_size)

    def load(first: np.int64) -> tuple[np.ndarray, np.ndarray]:
        numbers = range(int(first), min(int(first) + chunk, len(images)))
        found = {number: x for number in numbers if (x := reader(number)) is not None}
        indices = np.array(list(found), np.int64)
        x = np.stack(list(found.values())) if found else np.empty((0, *input_shape), reader.dtype)
        return x, indices if numbered else images.labels[indices].astype(np.int64)

    firsts = tf.data.Dataset.range(0, len(images), chunk)
    batches = _loaded(firsts, load, reader, input_shape, workers).rebatch(batch_size)
    batches = _finished(batches, preprocessing, input_shape, None)
    if isinstance(images.read(0), np.ndarray):  # nothing in memory is unreadable, and Keras likes to know the count
        batches = batches.apply(tf.data.experimental.assert_cardinality(-(-len(images) // batch_size)))
    return batches


@contextmanager
def data_errors(*sets: Images) -> Iterator[None]:
    """Raise what ended the use of batches, if it was the data, as our DataError and not as TensorFlow's."""
    try:
        yield
    except tf.errors.OpError:
        for images in sets:
            if images.skipped.failure is not None:
                raise images.skipped.failure from None
        raise


def measure_throughput(batches: tf.data.Dataset, seconds: float = 3.0) -> float:
    """Time batches when nothing else is done, in images a second; from the second batch on, if there is one."""
    started = time.perf_counter()
    iterator = iter(batches)
    first = next(iterator, None)
    warm, count = time.perf_counter(), 0
    for batch in iterator:
        count += len(batch[0])
        if time.perf_counter() - warm >= seconds:
            break
    now = time.perf_counter()
    if count == 0 and first is not None:
        return len(first[0]) / (now - started)
    return count / (now - warm)


@functools.lru_cache(maxsize=4)
def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Draw the order (count,) in which an epoch shows the images."""
    return np.random.default_rng((seed, epoch)).permutation(count)


def _rows(batch_size: int, shards: int) -> int:
    if batch_size % shards:
        raise DataError(f"train.batch_size: expected a multiple of the {shards} workers; found {batch_size}")
    return batch_size // shards


def _chunk(rows: int) -> int:
    """The largest divisor of a batch's rows that is small enough for one call."""
    return max(size for size in range(1, min(rows, _CHUNK) + 1) if rows % size == 0)


def _read_or_replaced(reader: Reader, seed: int, epoch: int, position: int) -> tuple[int, np.ndarray]:
    """Number and pixels of the image at a position of an epoch, or of the first readable one of others drawn."""
    count = len(reader.images)
    index = int(epoch_order(count, seed, epoch)[position])
    draws = None
    for _ in range(_TRIES):
        pixels = reader(index)
        if pixels is not None:
            return index, pixels
        draws = draws or np.random.default_rng((seed, epoch, position))
        index = int(draws.integers(count))
    raise DataError(
        f"{reader.images.source}: expected images that can be read; found {_TRIES} in a row that cannot: "
        f"{reader.images.skipped}"
    )


def _loaded(
    numbers: tf.data.Dataset, load: Callable[..., Any], reader: Reader, shape: Shape, workers: int | None
) -> tf.data.Dataset:
    """Each number loaded as some images, (N, *shape) of the reader's dtype, and an int64 of each."""

    def guarded(number: np.int64) -> Any:
        try:
            return load(number)
        except DataError as error:
            reader.images.skipped.failure = error
            raise

    def loaded(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        x, y = tf.numpy_function(guarded, [number], [tf.as_dtype(reader.dtype), tf.int64])
        return tf.ensure_shape(x, (None, *shape)), tf.ensure_shape(y, (None,))

    return numbers.map(loaded, num_parallel_calls=workers or _workers(reader, shape), deterministic=True)


def _workers(reader: Reader, shape: Shape) -> int:
    """One for small images in memory, whose threads would do little but hand Python's lock to one another."""
    small = math.prod(shape) <= _SMALL and isinstance(reader.images.read(0), np.ndarray)
    return 1 if small else tf.data.AUTOTUNE


def _finished(
    batches: tf.data.Dataset, preprocessing: Preprocessing, input_shape: Shape, rows: int | None
) -> tf.data.Dataset:
    """Batches of images' pixels made the network's input, and ready before they are asked for."""

    def normalized(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # By the engine's function: TensorFlow may rewrite a division as a product, which rounds otherwise.
        x = tf.numpy_function(lambda pixels: normalize(pixels, preprocessing), [x], tf.float32)
        return tf.ensure_shape(x, (rows, *input_shape)), tf.ensure_shape(y, (rows,))

    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF  # `shard` says it
    return batches.map(normalized, num_parallel_calls=1).prefetch(_PREFETCH).with_options(options)


former_names(__name__, AnyPictures="AnyImages")
