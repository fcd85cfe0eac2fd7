"""TFRecord files: what is packed comes back to the byte, TensorFlow reads it too, and damage is told."""

import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from lcnn_train import DataError
from lcnn_train.config.data import Data
from lcnn_train.data import idx, records
from lcnn_train.data.folder import read_folder
from lcnn_train.data.pack import pack
from lcnn_train.data.records import read_records
from lcnn_train.data.sets import load
from tests.helpers.image_trees import SYNSETS, WORDS, make_kit, make_train, make_val
from tests.helpers.training import SMALL


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Class folders, the records packed of them, the names of what cannot be read."""
    folder = tmp_path_factory.mktemp("imagenet")
    unreadable = make_train(folder / "folders")
    make_kit(folder / "folders", make_val(folder / "folders"))
    train = read_folder(folder / "folders", "train")
    paths = pack(train, folder / "records", "train", 3)
    assert [path.name for path in paths] == [f"train-0000{n}-of-00003" for n in range(3)]
    assert [name for name, _ in train.skipped] == sorted(unreadable)
    pack(read_folder(folder / "folders", "test"), folder / "records", "test")
    return folder, unreadable


@pytest.fixture
def packed(made, tmp_path):
    """A copy of the records, to be damaged."""
    shutil.copytree(made[0] / "records", tmp_path / "set")
    return tmp_path / "set"


@pytest.mark.parametrize("part", ["train", "test"])
def test_records_hold_the_files_byte_by_byte(made, part):
    folder, unreadable = made
    files, found = (
        read_folder(folder / "folders", part),
        load(Data(dataset="imagenet", folder=str(folder / "records")), part),
    )
    expected = {}
    for i, label in enumerate(files.labels):
        if files.read(i) not in unreadable:
            with open(files.read(i), "rb") as file:  # noqa: PTH123
                expected[os.path.basename(files.read(i))] = (file.read(), label)  # noqa: PTH119
    assert {found.name(i).split(" ")[0]: (found.read(i), label) for i, label in enumerate(found.labels)} == expected
    assert found.classes == tuple(WORDS[synset] for synset in SYNSETS)
    if part == "train":
        assert np.any(np.diff(found.labels) < 0), "expected the images mixed"


def test_the_features_are_the_usual_ones(made):
    path = made[0] / "records" / "train-00000-of-00003"
    (record,) = tf.data.TFRecordDataset(str(path)).take(1)
    features = tf.io.parse_single_example(
        record,
        {
            "image/encoded": tf.io.FixedLenFeature([], tf.string),
            "image/class/label": tf.io.FixedLenFeature([], tf.int64),
            "image/class/synset": tf.io.FixedLenFeature([], tf.string),
            "image/class/text": tf.io.FixedLenFeature([], tf.string),
            "image/height": tf.io.FixedLenFeature([], tf.int64),
            "image/width": tf.io.FixedLenFeature([], tf.int64),
        },
    )
    synset = features["image/class/synset"].numpy().decode()
    assert features["image/class/label"] == SYNSETS.index(synset) + 1
    assert features["image/class/text"].numpy().decode() == WORDS[synset]
    assert tf.io.decode_image(features["image/encoded"]).shape[:2] == (
        features["image/height"],
        features["image/width"],
    )


def test_pixels_are_packed_without_loss(tmp_path):
    digits = idx.load("mnist", "test", SMALL)
    pack(digits, tmp_path, "test")
    found = read_records(tmp_path, "test")
    assert found.classes == tuple("0123456789")
    decoded = {tf.io.decode_png(found.read(i)).numpy().tobytes(): label for i, label in enumerate(found.labels)}
    assert decoded == {image.tobytes(): label for image, label in zip(digits.images, digits.labels, strict=True)}


def test_packing_is_done_once_and_within_bounds(made, tmp_path):
    train = read_folder(made[0] / "folders", "train")
    with pytest.raises(DataError, match=r"expected no train files yet; found train-00000-of-00003"):
        pack(train, made[0] / "records", "train")
    for shards in (25, -1):
        with pytest.raises(DataError, match=rf"--shards: expected 1 to 24, .* found {shards}"):
            pack(train, tmp_path / "new", "train", shards)


def test_the_index_is_kept_and_made_again_when_files_change(packed, monkeypatch):
    first = read_records(packed, "train")
    with monkeypatch.context() as patch:
        patch.setattr(records, "_index", lambda files: pytest.fail("indexed again"))
        np.testing.assert_array_equal(read_records(packed, "train").labels, first.labels)
    kept = list((packed.parent / "cache" / "lcnn").iterdir())
    kept[0].write_bytes(b"damaged")
    np.testing.assert_array_equal(read_records(packed, "train").offset, first.offset)
    os.utime(packed / "train-00001-of-00003")
    read_records(packed, "train")
    assert len(list((packed.parent / "cache" / "lcnn").iterdir())) == 2


def test_take(made):
    found = read_records(made[0] / "records", "train")
    some = found.take(np.array([9, 4]))
    assert [some.read(0), some.read(1)] == [found.read(9), found.read(4)]
    assert some.labels.tolist() == found.labels[[9, 4]].tolist()


def rewrite(path, change):
    """Every record of a file, changed by a function of its features."""
    examples = [tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number, example in enumerate(examples):
            change(number, example.features.feature)
            writer.write(example.SerializeToString())


def relabel(number, features):
    features["image/class/label"].int64_list.value[0] -= 1


def two_names(number, features):
    features["image/class/synset"].bytes_list.value[0] = b"n%d" % number


def two_labels(number, features):
    features["image/class/synset"].bytes_list.value[0] = b"n1"


def without_label(number, features):
    del features["image/class/label"]


def changed(change):
    return lambda path: rewrite(path, change)


def bytes_of(change):
    return lambda path: path.write_bytes(change(path.read_bytes()))


DAMAGE = {
    "cut short": (
        bytes_of(lambda data: data[:-100]),
        r"train-00001-of-00003: cut short or damaged at byte \d+ of \d+, after \d+ whole records",
    ),
    "cut in a header": (bytes_of(lambda data: data[:5]), "cut short or damaged at byte 0 of 5, after 0 whole records"),
    "a byte changed": (bytes_of(lambda data: data[:3000] + b"?" + data[3001:]), "cut short or damaged at byte"),
    "another file": (
        bytes_of(lambda data: b"\x1f\x8b" + b"no records at all, but text"),
        "cut short or damaged at byte 0",
    ),
    "missing": (
        lambda path: path.unlink(),
        "expected 3 files train-.*-of-00003; 1 of them are missing, the first train-00001",
    ),
    "two sets": (
        lambda path: shutil.copy(path, path.with_name("train-00000-of-00001")),
        "expected one set of train files; found sets of 1 and 3",
    ),
    "labels from 0": (
        changed(relabel),
        "expected labels from data.first_label = 1 on; found 0. Set data.first_label=0",
    ),
    "two names of a label": (changed(two_names), "expected one class of each label; found n.* and n.* of label"),
    "two labels of a name": (
        changed(two_labels),
        "expected (every class once; found n1 of labels|one class of each label)",
    ),
    "no label": (
        changed(without_label),
        "expected features image/encoded and image/class/label in record 0; found image/channels",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage(name, packed):
    damage, message = DAMAGE[name]
    damage(packed / "train-00001-of-00003")
    with pytest.raises(DataError, match=message) as error:
        read_records(packed, "train")
    assert str(packed) in str(error.value)


def test_other_records(packed):
    path = packed / "train-00001-of-00003"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"\xff not an example")
    with pytest.raises(DataError, match=r"expected a tf\.train\.Example as record 0"):
        read_records(packed, "train")


def test_labels_from_0_where_they_are_said_to(packed):
    for path in packed.glob("train-*"):
        rewrite(path, relabel)
    assert read_records(packed, "train", first_label=0).labels.min() == 0


def test_no_records(tmp_path):
    assert read_records(tmp_path, "train") is None
    (tmp_path / "train-00000-of-00001").write_bytes(b"")
    with pytest.raises(DataError, match="expected records in train-00000-of-00001; found none"):
        read_records(tmp_path, "train")
