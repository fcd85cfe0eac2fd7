"""Batches: the engine's own pictures, an order that only the seed decides, augmentation that moves what it should."""

import numpy as np
import pytest
import tensorflow as tf
from training_helpers import SMALL

from lcnn_engine.preprocessing import to_input
from lcnn_train import DataError
from lcnn_train.config import Augment, Preprocessing
from lcnn_train.data import idx
from lcnn_train.data.augment import augment
from lcnn_train.data.pipeline import evaluation_batches, hold_out, steps_per_epoch, training_batches

SHAPE = (224, 224, 1)
GREY = Preprocessing().for_engine()
PLAIN = Augment()


def batches(split, first_epoch, epochs, settings=PLAIN, seed=5, size=16):
    return [
        (x.numpy(), y.numpy())
        for x, y in training_batches(split, GREY, SHAPE, size, seed, first_epoch, epochs, settings)
    ]


@pytest.fixture(scope="module")
def some():
    split = idx.read_folder(SMALL, "train")
    return split.take(np.arange(40))


def test_pictures_are_the_engines_to_the_last_bit(some):
    for preprocessing, shape in (
        (GREY, SHAPE),
        (Preprocessing(mode="RGB", mean=[0.1, 0.2, 0.3], std=[1.0, 0.5, 2.0]).for_engine(), (224, 224, 3)),
    ):
        found = [(x.numpy(), y.numpy()) for x, y in evaluation_batches(some, preprocessing, shape, 16)]
        x, y = (np.concatenate(part) for part in zip(*found, strict=True))
        assert [len(part[1]) for part in found] == [16, 16, 8]
        np.testing.assert_array_equal(y, some.labels)
        expected = np.stack([to_input(picture, preprocessing, shape) for picture in some.images])
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, expected)


def test_every_epoch_has_every_picture_once_but_the_remainder(some):
    (x1, y1), (x2, _), (x3, _), (x4, _) = batches(some, 0, 2)
    assert x1.shape == (16, *SHAPE)
    assert y1.dtype == np.int64
    ids = [{picture.tobytes() for picture in np.concatenate(pair)} for pair in ((x1, x2), (x3, x4))]
    assert len(ids[0]) == len(ids[1]) == 32
    assert not np.array_equal(x1, x3)


def test_a_resumed_run_sees_the_same_pictures(some):
    settings = Augment(rotate=20.0, scale=[0.8, 1.2], shift=0.1, salt_and_pepper=0.05)
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
    everything = sorted(picture.tobytes() for part in (train, validation) for picture in part.images)
    assert everything == sorted(picture.tobytes() for picture in some.images)
    np.testing.assert_array_equal(hold_out(some, 10, 3)[1].images, validation.images)
    assert not np.array_equal(hold_out(some, 10, 4)[1].images, validation.images)


def test_too_few_pictures(some):
    with pytest.raises(DataError, match=r"data.validation: expected fewer than the 40 training pictures; found 40"):
        hold_out(some, 40, 0)
    with pytest.raises(DataError, match=r"train.batch_size: expected at most the 40 training pictures; found 41"):
        steps_per_epoch(some, 41)


# ---------------------------------------------------------------------------------------------------- augmentation


def augmented(images, seed=(1, 2), **settings):
    return augment(tf.constant(images), tf.constant(seed, tf.int64), Augment(**settings)).numpy()


def spot(y, x, size=33):
    """A picture with a soft spot of 3x3 at (y, x)."""
    image = np.zeros((200, size, size, 1), np.uint8)
    image[:, y - 1 : y + 2, x - 1 : x + 2] = 200
    return image


def middle(images):
    """Where the spot is in each picture: (N, 2), y and x."""
    weights = images[..., 0].astype(float)
    grid = np.stack(np.mgrid[: images.shape[1], : images.shape[2]], axis=-1)
    return (weights[..., None] * grid).sum((1, 2)) / weights.sum((1, 2))[:, None]


def test_all_off_changes_nothing(some):
    images = some.images[..., None]
    np.testing.assert_array_equal(augmented(images), images)
    np.testing.assert_array_equal(augmented(images, rotate=30.0, affine_probability=0.0), images)


def test_rotation_keeps_the_distance_and_stays_within_its_angle():
    moved = middle(augmented(spot(16, 26), rotate=30.0)) - 16
    np.testing.assert_allclose(np.hypot(*moved.T), 10, atol=0.15)
    angles = np.degrees(np.arctan2(moved[:, 0], moved[:, 1]))
    assert np.abs(angles).max() <= 31
    assert angles.min() < -20
    assert angles.max() > 20


def test_scale_moves_along_the_ray():
    moved = middle(augmented(spot(16, 24), scale=[0.75, 1.5])) - 16
    np.testing.assert_allclose(moved[:, 0], 0, atol=0.1)
    assert 0.75 * 8 - 0.2 <= moved[:, 1].min() < 0.85 * 8
    assert 1.4 * 8 < moved[:, 1].max() <= 1.5 * 8 + 0.2


def test_shift_is_in_all_directions_and_a_share_of_the_side():
    moved = middle(augmented(spot(16, 16), shift=0.2)) - 16
    for axis in (0, 1):
        assert -6.7 <= moved[:, axis].min() < -5
        assert 5 < moved[:, axis].max() <= 6.7
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.25


def test_probability_of_the_affine_transform():
    moved = np.abs(middle(augmented(spot(16, 16), shift=0.2, affine_probability=0.3)) - 16).max(axis=1) > 1e-6
    assert 0.2 < moved.mean() < 0.4


def test_salt_and_pepper_is_its_share_in_equal_parts():
    images = np.full((200, 20, 20, 3), 100, np.uint8)
    changed = augmented(images, salt_and_pepper=0.1, salt_and_pepper_probability=0.5)
    assert set(np.unique(changed)) == {0, 100, 255}
    assert (changed == changed[..., :1]).all()
    hit = (changed != 100).any(axis=(1, 2, 3))
    assert 0.4 < hit.mean() < 0.6
    assert (changed[hit] == 0).mean() == pytest.approx(0.05, abs=0.01)
    assert (changed[hit] == 255).mean() == pytest.approx(0.05, abs=0.01)


def test_the_seed_decides(some):
    images = some.images[..., None]
    settings = {"rotate": 10.0, "salt_and_pepper": 0.1}
    np.testing.assert_array_equal(augmented(images, **settings), augmented(images, **settings))
    assert not np.array_equal(augmented(images, **settings), augmented(images, (1, 6), **settings))
