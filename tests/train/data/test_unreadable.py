"""Images that cannot be read: named, replaced in training, left out in evaluation, fatal only if nothing is left."""

import shutil

import numpy as np
import pytest

from lcnn_engine.images.preprocessing import to_input, to_pixels
from lcnn_train import DataError
from lcnn_train.config.data import Flip, Preprocessing, RandomCrop, ResizeStep
from lcnn_train.data.folder import read_folder
from lcnn_train.data.pipeline import data_errors, evaluation_batches, measure_throughput, training_batches
from tests.helpers.image_trees import SYNSETS, make_kit, make_train, make_val

WIDE = Preprocessing(mode="RGB", size=[56, 56], shortest_edge=64, mean=[128.0] * 3, std=[1.0] * 3, scale=1.0)
SHAPE = WIDE.input_shape
CROPS = [Flip(name="flip"), ResizeStep(name="resize"), RandomCrop(name="random_crop")]


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """A small ImageNet, and the paths of its two training images that cannot be read."""
    folder = tmp_path_factory.mktemp("imagenet")
    unreadable = make_train(folder)
    make_kit(folder, make_val(folder))
    return folder, unreadable


@pytest.fixture
def train(imagenet):
    return read_folder(imagenet[0], "train")


def training(images, first_epoch=0, epochs=2, augment=(), size=8, **more):
    batches = training_batches(images, WIDE.for_engine(), SHAPE, size, 5, first_epoch, epochs, augment, **more)
    return [(x.numpy(), y.numpy()) for x, y in batches]


def test_evaluation_leaves_them_out_and_prepares_the_rest_as_the_engine(imagenet, train):
    batches = evaluation_batches(train, WIDE.for_engine(), SHAPE, 5, numbered=True)
    x, numbers = (np.concatenate(part) for part in zip(*batches.as_numpy_iterator(), strict=True))
    unreadable = [i for i in range(len(train)) if train.read(i) in imagenet[1]]
    assert numbers.tolist() == [i for i in range(len(train)) if i not in unreadable]
    assert sorted(name for name, _ in train.skipped) == sorted(imagenet[1])
    # The CMYK JPEG, the PNG named JPEG and the grey one are among them.
    expected = [to_input(train.read(i), WIDE.for_engine(), SHAPE) for i in numbers]
    np.testing.assert_array_equal(x, np.stack(expected))
    labels = np.concatenate([y for _, y in evaluation_batches(train, WIDE.for_engine(), SHAPE, 5).as_numpy_iterator()])
    np.testing.assert_array_equal(labels, train.labels[numbers])


def test_images_of_other_kinds_look_as_they_should(train):
    """A CMYK or PNG "JPEG" of a photograph's part is near the same part of an ordinary JPEG's colours."""
    kinds = [to_pixels(train.read(SYNSETS.index(synset) * 6), WIDE.for_engine(), SHAPE) for synset in SYNSETS]
    plain = [to_pixels(train.read(SYNSETS.index(synset) * 6 + 3), WIDE.for_engine(), SHAPE) for synset in SYNSETS]
    for i in (0, 1):
        difference = np.abs(kinds[i].mean((0, 1)) - plain[i].mean((0, 1))).max()
        assert difference < 60, "expected the colours not inverted"
    assert (kinds[2][..., 0] == kinds[2][..., 1]).all()


@pytest.mark.parametrize("augment", [(), CROPS], ids=["plain", "augmented"])
def test_training_keeps_whole_batches_and_names_them(imagenet, train, augment):
    found = training(train, augment=augment)
    assert [x.shape for x, _ in found] == [(8, *SHAPE)] * 6
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
            of_pixels[to_input(train.read(i), WIDE.for_engine(), SHAPE).tobytes()] = train.labels[i]
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


def test_what_is_cached_is_read_once(train):
    reads = []

    class Counting:
        labels, classes, source, skipped = train.labels, train.classes, train.source, train.skipped

        def __len__(self):
            return len(train)

        def read(self, index):
            reads.append(index)
            return train.read(index)

        name = read

    training(Counting(), epochs=4, cache=64)
    readable = [i for i in reads if i not in (1, 20)]
    assert len(readable) <= 2 * len(set(readable)), "expected at most one read more, by a second thread"


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
    assert list(evaluation_batches(train, WIDE.for_engine(), SHAPE, 5)) == []


def test_measured_throughput_is_that_of_the_pipeline(train):
    batches = training_batches(train, WIDE.for_engine(), SHAPE, 8, 5, 0, 100)
    slow = batches.map(lambda x, y: (x, y + 0 * _wait(0.02)))
    assert 10 < measure_throughput(slow, 0.5) < 400  # 8 images at least every 0.02 s
    assert 10 < measure_throughput(slow.take(1), 0.5) < 400  # a part of one batch has a pace, too
    assert measure_throughput(slow.take(0), 0.5) == 0


def _wait(seconds):
    import time

    import tensorflow as tf

    return tf.numpy_function(lambda: (time.sleep(seconds), np.int64(0))[1], [], tf.int64)
