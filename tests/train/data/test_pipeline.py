"""Batches: the engine's own images, an order that only the seed decides, augmentation that moves what it should."""

import numpy as np
import pytest

from lcnn_engine.images.preprocessing import to_input
from lcnn_train import DataError
from lcnn_train.config.data import Affine, Flip, Preprocessing, SaltAndPepper
from lcnn_train.data import idx
from lcnn_train.data.pipeline import evaluation_batches, hold_out, steps_per_epoch, training_batches
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
    ):
        found = [(x.numpy(), y.numpy()) for x, y in evaluation_batches(some, preprocessing, shape, 16)]
        x, y = (np.concatenate(part) for part in zip(*found, strict=True))
        assert [len(part[1]) for part in found] == [16, 16, 8]
        np.testing.assert_array_equal(y, some.labels)
        expected = np.stack([to_input(image, preprocessing, shape) for image in some.images])
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, expected)


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
