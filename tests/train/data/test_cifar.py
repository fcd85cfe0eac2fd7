"""CIFAR-10 and CIFAR-100 in both forms, made by a seed, and files that are none."""

import os
import pickle

import numpy as np
import pytest

from lcnn_train.config.data import Data
from lcnn_train.data.sets import infer, load
from lcnn_train.errors import DataError
from tests.helpers.cifar_batches import COUNT, NAMES, write


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
@pytest.mark.parametrize("binary", [False, True])
def test_both_forms(tmp_path, dataset, binary):
    root, images, labels = write(tmp_path, dataset, binary)
    for folder in (tmp_path, root):
        found = load(Data(dataset=dataset, folder=str(folder)), "train")
        np.testing.assert_array_equal(found.images, images)
        np.testing.assert_array_equal(found.labels, labels)
        assert found.classes == tuple(NAMES[dataset])
        assert found.read(1).shape == (32, 32, 3)
        assert infer(str(folder), NAMES[dataset]) == dataset
    assert len(load(Data(dataset=dataset, folder=str(tmp_path)), "test")) == COUNT


def test_where_keras_puts_them(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"datasets: expected data_batch_1 or .*\.bin of cifar10.*found neither"):
        load(Data(dataset="cifar10"), "train")
    write(tmp_path / "datasets" / "cifar-10-batches-py-target", "cifar10", False)
    assert len(load(Data(dataset="cifar10"), "train")) == 5 * COUNT


def batch(labels, count):
    return pickle.dumps({b"data": np.zeros((count, 3072), np.uint8), b"labels": labels}, protocol=2)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/never",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps(Evil()), "which no batch has"),
        (b"no pickle", "expected a batch for Python"),
        (pickle.dumps([1]), "expected a dictionary in it, found list"),
        (pickle.dumps({b"data": np.zeros((2, 5), np.uint8)}, protocol=2), r"expected data \(N, 3072\) of bytes"),
        (
            batch([1], 2),
            "one for each of 2 images",
        ),
        (
            batch([10], 1),
            "expected labels below 10",
        ),
    ],
    ids=["code", "noise", "list", "shape", "labels", "class"],
)
def test_batches_that_are_none(tmp_path, content, message):
    root, _, _ = write(tmp_path, "cifar10", False)
    (root / "data_batch_3").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(Data(dataset="cifar10", folder=str(tmp_path)), "train")


def test_a_binary_batch_that_is_cut_short_or_missing(tmp_path):
    root, _, _ = write(tmp_path, "cifar100", True)
    path = root / "train.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="expected records of 3074 bytes"):
        load(Data(dataset="cifar100", folder=str(tmp_path)), "train")
    (root / "test.bin").unlink()
    with pytest.raises(DataError, match="expected a batch of cifar100, found nothing"):
        load(Data(dataset="cifar100", folder=str(tmp_path)), "test")
