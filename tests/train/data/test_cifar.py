"""CIFAR-10 and CIFAR-100 in both forms, made by a seed, and files that are none."""

import os
import pickle

import numpy as np
import pytest

from lcnn_train.config.data import Data
from lcnn_train.data import cifar
from lcnn_train.data.sets import infer, load
from lcnn_train.errors import DataError

RNG = np.random.default_rng(3)
NAMES = {"cifar10": [f"class{n}" for n in range(10)], "cifar100": [f"fine{n}" for n in range(100)]}
COUNT = 4  # images in a batch


def write(folder, dataset, binary):
    """Write both parts; return images (N, 32, 32, 3) and labels of the training part."""
    layout = cifar.SETS[dataset]
    root = folder / layout.folders[binary]
    root.mkdir(parents=True)
    images, labels = [], []
    for part, batches in layout.batches.items():
        for name in batches:
            planes = RNG.integers(0, 256, (COUNT, 3, 32, 32), np.uint8)
            own = RNG.integers(0, layout.classes, COUNT)
            data = planes.reshape(COUNT, -1)
            if binary:
                coarse = [np.full((COUNT, 1), 7)] * (layout.label_bytes - 1)
                records = np.concatenate([*coarse, own[:, None], data], axis=1).astype(np.uint8)
                (root / f"{name}.bin").write_bytes(records.tobytes())
            else:
                batch = {b"data": data, layout.key.encode(): own.tolist(), b"batch_label": b"x"}
                (root / name).write_bytes(pickle.dumps(batch, protocol=2))
            if part == "train":
                images.append(planes.transpose(0, 2, 3, 1))
                labels.append(own)
    pickled, key, text = layout.names
    if binary:
        (root / text).write_text("\n".join(NAMES[dataset]) + "\n")
    else:
        (root / pickled).write_bytes(pickle.dumps({key: NAMES[dataset]}, protocol=2))
    return root, np.concatenate(images), np.concatenate(labels)


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
