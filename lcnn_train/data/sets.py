"""Finding the data set that a configuration names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lcnn_train.config.data import Data
from lcnn_train.data import cifar, idx
from lcnn_train.data.folder import PARTS, first, listing, part_folder, read_folder
from lcnn_train.data.images import Images
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
    return read_records(folder, part, data.first_label) or read_folder(folder, part)
