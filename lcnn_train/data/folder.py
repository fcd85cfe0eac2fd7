"""Images in class folders: ImageNet (ILSVRC2012) as it is unpacked, Tiny-ImageNet, and anything laid out like them.

FOLDER/train/CLASS/**/*.JPEG and FOLDER/val/CLASS/**/*.JPEG; or FOLDER/val/*.JPEG with a list of classes, of which
annotations.py reads every usual form; or FOLDER/CLASS/**, which is all for training. Classes are numbered by their
folders' names in order of code points, as ImageNet's numbers 0 to 999 are.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lcnn_engine.utils.moved import former_names
from lcnn_train.data.annotations import class_of_each, class_words, in_words
from lcnn_train.data.images import Skipped
from lcnn_train.errors import DataError

ENDINGS = (".jpeg", ".jpg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")

# Where each part lies, the likeliest first. ImageNet's and Tiny-ImageNet's `test` have no classes, so `val` is before.
PARTS = {
    "train": ("train", "ILSVRC2012_img_train", "Data/CLS-LOC/train", "ILSVRC/Data/CLS-LOC/train"),
    "test": ("val", "validation", "ILSVRC2012_img_val", "Data/CLS-LOC/val", "ILSVRC/Data/CLS-LOC/val", "test"),
}


@dataclass(frozen=True)
class FileImages:
    """Image files below `folder` and their labels (N,) int64; otherwise as `Images` says."""

    folder: Path
    files: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    synsets: tuple[str, ...]  # the folders' names, which `classes` may say in words
    skipped: Skipped = field(default_factory=Skipped, compare=False)

    @property
    def source(self) -> str:
        return str(self.folder)

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> str:
        """Return the path of an image."""
        return str(self.folder / self.files[index])

    name = read

    def take(self, indices: np.ndarray) -> FileImages:
        """Take the images at `indices`, in that order."""
        files = tuple(self.files[i] for i in indices)
        return replace(self, files=files, labels=self.labels[indices])


def read_folder(folder: str | os.PathLike[str], part: str) -> FileImages:
    """List the images of a `part` ("train" or "test") of a data set in folders; none is opened.

    Raises DataError if the folder, the part or a class has no images, or if a list does not fit them.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of images, found {'a file' if folder.exists() else 'nothing'}")
    root = part_folder(folder, part)
    if root is None:
        raise DataError(f"{folder}: {_expected(part)}; found {listing(folder)}")
    synsets = subfolders(root)
    # Tiny-ImageNet's val has one folder, `images`, which is no class.
    if synsets and synsets != ["images"]:
        return _of_class_folders(folder, root, part, synsets)
    return _of_flat_folder(folder, root)


def part_folder(folder: Path, part: str) -> Path | None:
    """Find where a part lies; class folders without parts are all for training."""
    for name in PARTS[part]:
        if (folder / name).is_dir():
            return folder / name
    whole = part == "train" and not any((folder / name).is_dir() for name in PARTS["test"][:-1]) and subfolders(folder)
    return folder if whole else None


def _expected(part: str) -> str:
    if part == "test":
        return f"expected images to test on, in a folder {PARTS['test'][0]} or {PARTS['test'][-1]}"
    return "expected class folders, as in train/CLASS/*.JPEG, or TFRecord files, as train-00000-of-00128"


def _of_class_folders(folder: Path, root: Path, part: str, found: list[str]) -> FileImages:
    train = part_folder(folder, "train") if part == "test" else None
    synsets = subfolders(train) if train else found
    _check_unique(root, synsets)
    unknown = sorted(set(found) - set(synsets))
    if unknown:
        raise DataError(f"{root}: expected the classes of {train}; found others too: {first(unknown)}")
    files, labels, empty = [], [], []
    for synset in found:
        images = [f"{synset}/{file}" for file in _images(root / synset)]
        files += images
        labels += [synsets.index(synset)] * len(images)
        if not images:
            empty.append(synset)
    if empty:
        raise DataError(
            f"{root}: expected images in every class folder; found none in {len(empty)} of {len(found)}: "
            f"{first(empty)}. Fill or remove them"
        )
    return FileImages(root, tuple(files), np.array(labels, np.int64), _classes(folder, synsets), tuple(synsets))


def _of_flat_folder(folder: Path, root: Path) -> FileImages:
    files = sorted(_images(root))
    if not files:
        raise DataError(f"{root}: expected class folders or images; found {listing(root)}")
    train = part_folder(folder, "train")
    synsets = subfolders(train) if train and train != root else None
    of_each, synsets, source = class_of_each(folder, root, files, synsets)
    numbers = {synset: number for number, synset in enumerate(synsets)}
    unknown = sorted(set(of_each) - set(numbers))
    if unknown:
        raise DataError(f"{source}: expected the classes of {train}; found others too: {first(unknown)}")
    labels = np.array([numbers[synset] for synset in of_each], np.int64)
    return FileImages(root, tuple(files), labels, _classes(folder, synsets), tuple(synsets))


def _classes(folder: Path, synsets: list[str]) -> tuple[str, ...]:
    """The classes in words, if the data set has a list of them."""
    words = class_words(folder)
    return in_words([(synset, words.get(synset, "")) for synset in synsets])


def _check_unique(root: Path, synsets: list[str]) -> None:
    """Two folders whose names look the same are one class that was unpacked twice."""
    seen: dict[str, str] = {}
    for synset in synsets:
        key = unicodedata.normalize("NFC", synset).strip()
        if key in seen:
            raise DataError(f"{root}: expected every class once; found {seen[key]!r} and {synset!r}")
        seen[key] = synset


def subfolders(folder: Path) -> list[str]:
    """List the folders in a folder, in order of code points; hidden ones do not count."""
    return sorted(entry.name for entry in _entries(folder) if entry.is_dir() and not entry.name.startswith("."))


def _images(folder: Path, prefix: str = "") -> Iterator[str]:
    """Image files below a folder, relative to it, each folder's own in order of their names."""
    for entry in sorted(_entries(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _images(folder / entry.name, f"{prefix}{entry.name}/")
        elif entry.name.lower().endswith(ENDINGS):
            yield prefix + entry.name


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise DataError(f"{folder}: expected a folder that can be read; found {error.strerror}") from error


def listing(folder: Path) -> str:
    """List what is in a folder, for a message."""
    names = sorted(entry.name for entry in _entries(folder))
    return first(names) if names else "an empty folder"


def first(names: list[str]) -> str:
    """Write the first of some names, for a message."""
    return ", ".join(names[:6]) + (" ..." if len(names) > 6 else "")


former_names(__name__, FilePictures="FileImages")
