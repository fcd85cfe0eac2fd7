"""Finding the data set that a configuration names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lcnn_train.config.data import Data
from lcnn_train.data import cifar, idx
from lcnn_train.data.folder import PARTS, first, listing, part_folder, read_folder
from lcnn_train.data.images import Images, classes_of
from lcnn_train.data.records import find_records, read_records
from lcnn_train.errors import DataError

_HOW_TO_GET = {
    "imagenet": (
        "ImageNet (ILSVRC2012) is given out by image-net.org after registration: unpack ILSVRC2012_img_train.tar into "
        "FOLDER/train/SYNSET/, ILSVRC2012_img_val.tar into FOLDER/val/ and the development kit "
        "ILSVRC2012_devkit_t12.tar.gz into FOLDER."
    ),
    "folder": "It holds class folders, as in FOLDER/train/CLASS/*.jpg and FOLDER/val/CLASS/*.jpg.",
}


def infer(folder: str | None, labels: Sequence[str] | None) -> str:
    """Tell which data set a model with these labels is meant for, where none is named, by them and what `folder` holds.

    Raises DataError, which says what to give, where that is not clear.
    """
    names = None if labels is None else tuple(labels)
    by_labels = next((dataset for dataset, known in idx.LABELS.items() if known == names), None)
    if folder is None:
        if by_labels or names is None:
            return by_labels or "mnist"
        raise DataError(
            f"expected the data set of a model with the classes {first(list(names))}; found none. Name the folder that "
            f"holds it with --data FOLDER. {_HOW_TO_GET['folder']}"
        )
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise DataError(f"{path}: expected the folder of a data set, found {'a file' if path.exists() else 'nothing'}")
    batches = cifar.which(path)
    if batches is not None:
        return batches
    holds_idx = idx.is_idx_folder(path)
    holds_classes = any(find_records(path, part) or part_folder(path, part) not in (None, path) for part in PARTS)
    if holds_idx and holds_classes:
        raise DataError(f"{path}: expected one data set, found IDX files and class folders. Say which with --dataset")
    if holds_idx:
        return by_labels or "mnist"
    if holds_classes or part_folder(path, "train"):
        return "folder"
    raise DataError(
        f"{path}: expected IDX files, class folders or TFRecord files; found {listing(path)}. {_HOW_TO_GET['folder']}"
    )


def load(data: Data, part: str) -> Images:
    """Find the images of a `part` of a data set, those of `data.classes` alone if these are named.

    Raises DataError as `_whole` does, and for classes that there are not.
    """
    images = _whole(data, part)
    return images if data.classes is None else _of_classes(images, data.classes)


def _of_classes(images: Images, classes: Sequence[int]) -> Images:
    """The images of some classes, which get the numbers 0, 1, 2 and so on in the order of `classes`."""
    known, count = np.full(classes_of(images), -1), classes_of(images)
    if len(set(classes)) != len(classes) or max(classes) >= count:
        raise DataError(
            f"data.classes: expected different numbers below {count}, the classes of {images.source}; found "
            f"{list(classes)}"
        )
    known[list(classes)] = np.arange(len(classes))
    labels = known[images.labels]
    taken = images.take(np.flatnonzero(labels >= 0))
    names = images.classes and tuple(images.classes[number] for number in classes)
    return replace(taken, labels=labels[labels >= 0].astype(np.int64), classes=names)  # type: ignore[type-var]


def _whole(data: Data, part: str) -> Images:
    """Find the images of a `part` ("train" or "test") of the data set that a configuration's `data` section names.

    Raises DataError that says what was looked for and where, what was found, and how to get it.
    """
    if data.dataset in idx.LABELS:
        return idx.load(data.dataset, part, data.folder)
    if data.dataset in cifar.SETS:
        return cifar.load(data.dataset, part, data.folder)
    if data.folder is None:
        raise DataError(
            f"data.folder: expected the folder of the data set {data.dataset}; found none. Name it with --data FOLDER. "
            f"{_HOW_TO_GET[data.dataset]}"
        )
    folder = Path(data.folder).expanduser()
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise DataError(
            f"{folder}: expected the folder of the data set {data.dataset}; found {found}. {_HOW_TO_GET[data.dataset]}"
        )
    if data.test_share:
        return _share(folder, part, data)
    return read_records(folder, part, data.first_label) or read_folder(folder, part)


def _share(folder: Path, part: str, data: Data) -> Images:
    """The test share of class folders, or what it leaves for training; each class gives its share, and keeps an image.

    Raises DataError where there are parts already, and where no image would be for testing.
    """
    if find_records(folder, "train") or part_folder(folder, "test") or part_folder(folder, "train") != folder:
        raise DataError(
            f"{folder}: expected class folders without parts for data.test_share; found {listing(folder)}. Set "
            "data.test_share=0 where training and test parts are apart already"
        )
    images = read_folder(folder, "train")
    held_out = _held_out(images.labels, data.test_share, data.test_seed)
    if not held_out.any():
        raise DataError(
            f"data.test_share: expected a share that is an image of some class; found {data.test_share} of at most "
            f"{np.bincount(images.labels).max()} images"
        )
    return images.take(np.flatnonzero(held_out if part == "test" else ~held_out))


def _held_out(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which of the images with these labels (N,) are held out: bool (N,), a share of each class, drawn by the seed."""
    rng, held_out = np.random.default_rng(seed), np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        held_out[own[: min(round(share * len(own)), len(own) - 1)]] = True
    return held_out
