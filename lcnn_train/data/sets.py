"""Finding the data set that a configuration names."""

from __future__ import annotations

from pathlib import Path

from lcnn_train.config.data import Data
from lcnn_train.data import idx
from lcnn_train.data.folder import read_folder
from lcnn_train.data.images import Images
from lcnn_train.data.records import read_records
from lcnn_train.errors import DataError

_HOW_TO_GET = {
    "imagenet": (
        "ImageNet (ILSVRC2012) is given out by image-net.org after registration: unpack ILSVRC2012_img_train.tar into "
        "FOLDER/train/SYNSET/, ILSVRC2012_img_val.tar into FOLDER/val/ and the development kit "
        "ILSVRC2012_devkit_t12.tar.gz into FOLDER."
    ),
    "folder": "It holds class folders, as in FOLDER/train/CLASS/*.jpg and FOLDER/val/CLASS/*.jpg.",
}


def load(data: Data, part: str) -> Images:
    """Find the images of a `part` ("train" or "test") of the data set that a configuration's `data` section names.

    Raises DataError that says what was looked for and where, what was found, and how to get it.
    """
    if data.dataset in idx.LABELS:
        return idx.load(data.dataset, part, data.folder)
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
