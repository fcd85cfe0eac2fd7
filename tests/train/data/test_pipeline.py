"""Batches are a function of seed, epoch and step alone, and outlive images that cannot be read."""

import shutil

import numpy as np
import pytest

from lcnn_engine.images.preprocessing import to_input
from lcnn_train import DataError
from lcnn_train.config.data import Affine, Flip, Preprocessing, RandomCrop, ResizeStep, SaltAndPepper
from lcnn_train.data import idx
from lcnn_train.data.folder import read_folder
from lcnn_train.data.pipeline import (
    data_errors,
    evaluation_batches,
    hold_out,
    measure_throughput,
    steps_per_epoch,
    training_batches,
)
from tests.helpers.batches import WIDE, WIDE_SHAPE, training
from tests.helpers.training import SMALL

SHAPE = (224, 224, 1)


GREY = Preprocessing().for_engine()


PLAIN = ()


def batches(split, first_epoch, epochs, settings=PLAIN, seed=5, size=16):
    return [
        (x.numpy(), y.numpy())
        for x, y in training_batches(split, GREY, SHAPE, size, seed, first_epoch, epochs, settings)
    ]


@pytest.fixture(scope="module")
def some():
    split = idx.read_folder(SMALL, "train")
    return split.take(np.arange(40))


def test_images_are_the_engines_to_the_last_bit(some):
    for preprocessing, shape in (
        (GREY, SHAPE),
        (Preprocessing(mode="RGB", mean=[0.1, 0.2, 0.3], std=[1.0, 0.5, 2.0]).for_engine(), (224, 224, 3)),
        (Preprocessing(size=[19, 17], antialias=False).for_engine(), (19, 17, 1)),
        (Preprocessing(size=[19, 17], shortest_edge=23, resample="area").for_engine(), (19, 17, 1)),
    ):
        found = [(x.numpy(), y.numpy()) for x, y in evaluation_batches(some, preprocessing, shape, 16)]
        x, y = (np.concatenate(part) for part in zip(*found, strict=True))
        assert [len(part[1]) for part in found] == [16, 16, 8]
        np.testing.assert_array_equal(y, some.labels)
        expected = np.stack([to_input(image, preprocessing, shape) for image in some.images])
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, expected)


def test_floats_that_resizing_gives_are_kept_and_changed(some):
    """The same numbers cached or not, after changes that take floats, and after those that come before the resize."""
    preprocessing, shape = Preprocessing(size=[19, 17], antialias=False).for_engine(), (19, 17, 1)
    for steps in ([], [Flip(name="flip")], [Affine(name="affine", rotate=9.0), ResizeStep(name="resize")]):
        runs = [
            np.concatenate([x for x, _ in training_batches(some, preprocessing, shape, 8, 5, 0, 2, steps, cache=cache)])
            for cache in (0, 64)
        ]
        np.testing.assert_array_equal(*runs)
        assert np.abs(runs[0] * 255 - np.rint(runs[0] * 255)).max() > 0.01, "expected values that are not rounded"


def test_every_epoch_has_every_image_once_but_the_remainder(some):
    (x1, y1), (x2, _), (x3, _), (x4, _) = batches(some, 0, 2)
    assert x1.shape == (16, *SHAPE)
    assert y1.dtype == np.int64
    ids = [{image.tobytes() for image in np.concatenate(pair)} for pair in ((x1, x2), (x3, x4))]
    assert len(ids[0]) == len(ids[1]) == 32
    assert not np.array_equal(x1, x3)


def test_a_resumed_run_sees_the_same_images(some):
    settings = [
        Affine(name="affine", rotate=20.0, scale=[0.8, 1.2], shift=0.1),
        SaltAndPepper(name="salt_and_pepper", share=0.05),
        Flip(name="flip"),
    ]
    whole, resumed = batches(some, 0, 3, settings), batches(some, 2, 3, settings)
    assert len(whole) == 6
    for (x, y), (again_x, again_y) in zip(whole[4:], resumed, strict=True):
        np.testing.assert_array_equal(x, again_x)
        np.testing.assert_array_equal(y, again_y)
    assert not np.array_equal(batches(some, 2, 3, settings, seed=6)[0][0], resumed[0][0])


def test_hold_out(some):
    train, validation = hold_out(some, 10, 3)
    assert len(train) == 30
    assert len(validation) == 10
    everything = sorted(image.tobytes() for part in (train, validation) for image in part.images)
    assert everything == sorted(image.tobytes() for image in some.images)
    np.testing.assert_array_equal(hold_out(some, 10, 3)[1].images, validation.images)
    assert not np.array_equal(hold_out(some, 10, 4)[1].images, validation.images)


def test_too_few_images(some):
    with pytest.raises(DataError, match=r"data.validation: expected fewer than the 40 training images; found 40"):
        hold_out(some, 40, 0)
    with pytest.raises(DataError, match=r"train.batch_size: expected at most the 40 training images; found 41"):
        steps_per_epoch(some, 41)


CROPS = [Flip(name="flip"), ResizeStep(name="resize"), RandomCrop(name="random_crop")]


def test_evaluation_leaves_them_out_and_prepares_the_rest_as_the_engine(imagenet, train):
    batches = evaluation_batches(train, WIDE.for_engine(), WIDE_SHAPE, 5, numbered=True)
    x, numbers = (np.concatenate(part) for part in zip(*batches.as_numpy_iterator(), strict=True))
    unreadable = [i for i in range(len(train)) if train.read(i) in imagenet[1]]
    assert numbers.tolist() == [i for i in range(len(train)) if i not in unreadable]
    assert sorted(name for name, _ in train.skipped) == sorted(imagenet[1])
    # The CMYK JPEG, the PNG named JPEG and the grey one are among them.
    expected = [to_input(train.read(i), WIDE.for_engine(), WIDE_SHAPE) for i in numbers]
    np.testing.assert_array_equal(x, np.stack(expected))
    batches = evaluation_batches(train, WIDE.for_engine(), WIDE_SHAPE, 5)
    labels = np.concatenate([y for _, y in batches.as_numpy_iterator()])
    np.testing.assert_array_equal(labels, train.labels[numbers])


@pytest.mark.parametrize("augment", [(), CROPS], ids=["plain", "augmented"])
def test_training_keeps_whole_batches_and_names_them(imagenet, train, augment):
    found = training(train, augment=augment)
    assert [x.shape for x, _ in found] == [(8, *WIDE_SHAPE)] * 6
    assert [y.shape for _, y in found] == [(8,)] * 6
    assert sorted(name for name, _ in train.skipped) == sorted(imagenet[1])
    text = str(train.skipped)
    assert text.startswith("skipped 2 images that cannot be read: ")
    assert all(text.count(name) == 1 for name in imagenet[1])
    assert "(image file is truncated (" in text
    assert "(no image in a format that Pillow reads)" in text
    # A run that begins with the second epoch sees what this one saw in it.
    again = training(read_folder(imagenet[0], "train"), 1, 2, augment)
    for (x, y), (again_x, again_y) in zip(found[3:], again, strict=True):
        np.testing.assert_array_equal(x, again_x)
        np.testing.assert_array_equal(y, again_y)
    later = training(train, 0, 2, augment, first_step=4)
    np.testing.assert_array_equal(later[0][0], found[4][0])


def test_labels_belong_to_their_images(train):
    """Also those of the images that stand in for others."""
    of_pixels = {}
    for i in range(len(train)):
        try:
            of_pixels[to_input(train.read(i), WIDE.for_engine(), WIDE_SHAPE).tobytes()] = train.labels[i]
        except ValueError:
            continue
    for x, y in training(train):
        assert [of_pixels[image.tobytes()] for image in x] == y.tolist()


@pytest.mark.parametrize("augment", [(), CROPS], ids=["plain", "augmented"])
def test_workers_together_see_the_batches_of_one(train, augment):
    whole = training(train, augment=augment)
    shares = [training(train, augment=augment, shards=2, shard=shard) for shard in (0, 1)]
    for (x, y), (x0, y0), (x1, y1) in zip(whole, *shares, strict=True):
        np.testing.assert_array_equal(x, np.concatenate([x0, x1]))
        np.testing.assert_array_equal(y, np.concatenate([y0, y1]))
    with pytest.raises(DataError, match=r"train.batch_size: expected a multiple of the 3 workers; found 8"):
        training(train, shards=3)


@pytest.mark.parametrize("more", [{"workers": 1}, {"workers": 4}, {"cache": 64}])
def test_neither_threads_nor_the_cache_change_anything(train, more):
    for (x, y), (other_x, other_y) in zip(training(train), training(train, **more), strict=True):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)


def test_nothing_that_can_be_read_is_an_error(imagenet, tmp_path):
    shutil.copytree(imagenet[0] / "train", tmp_path / "train")
    for path in (tmp_path / "train").rglob("*.JPEG"):
        path.write_bytes(b"no image")
    train = read_folder(tmp_path, "train")
    with (
        pytest.raises(DataError, match=r"expected images that can be read; found 100 in a row that cannot: skipped"),
        data_errors(train),
    ):
        training(train)
    assert list(evaluation_batches(train, WIDE.for_engine(), WIDE_SHAPE, 5)) == []


def test_measured_throughput_is_that_of_the_pipeline(train):
    batches = training_batches(train, WIDE.for_engine(), WIDE_SHAPE, 8, 5, 0, 100)
    slow = batches.map(lambda x, y: (x, y + 0 * _wait(0.02)))
    assert 10 < measure_throughput(slow, 0.5) < 400  # 8 images at least every 0.02 s
    assert 10 < measure_throughput(slow.take(1), 0.5) < 400  # a part of one batch has a pace, too
    assert measure_throughput(slow.take(0), 0.5) == 0


def _wait(seconds):
    import time

    import tensorflow as tf

    return tf.numpy_function(lambda: (time.sleep(seconds), np.int64(0))[1], [], tf.int64)
