"""IDX files, the format of MNIST and Fashion-MNIST, plain or gzipped, and where to look for them.

An IDX file is: two zero bytes, a type byte (8: unsigned byte), the number of axes, each axis' length as a big-endian
32-bit integer, then the values in C order. Layout after http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lcnn_train.data.images import Skipped
from lcnn_train.errors import DataError
from lcnn_train.utils.files import DAMAGED_ARCHIVE

_UNSIGNED_BYTE = 8
_MAX_AXES = 4
_PARTS = {"train": "train", "test": "t10k"}
_GZIP_MAGIC = b"\x1f\x8b"

DEBIAN_FOLDERS = {"fashion-mnist": Path("/usr/share/datasets/fashion-mnist")}
LABELS = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
}


@dataclass(frozen=True)
class Split:
    """Images (N, height, width) uint8 and their labels (N,) uint8; otherwise as `Images` says."""

    images: np.ndarray
    labels: np.ndarray
    source: str
    classes: tuple[str, ...] | None = None
    skipped: Skipped = field(default_factory=Skipped, compare=False)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> Split:
        """Take the images at `indices`, in that order."""
        return replace(self, images=self.images[indices], labels=self.labels[indices])

    def read(self, index: int) -> np.ndarray:
        """Return the pixels of one image, uint8 (height, width)."""
        return self.images[index]

    def name(self, index: int) -> str:
        return f"image {index} of {self.source}"


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read one IDX file of unsigned bytes, plain or gzipped, into a uint8 array of the shape it states.

    Raises FileNotFoundError if there is none, and DataError if it is no IDX file, is cut short or has bytes left over.
    """
    data = _unpacked(Path(path))
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UNSIGNED_BYTE or not 1 <= data[3] <= _MAX_AXES:
        raise DataError(
            f"{path}: expected an IDX file of unsigned bytes, magic number 00 00 08 and 1 to {_MAX_AXES} axes; "
            f"found {data[:4].hex(' ') or 'an empty file'}"
        )
    axes = data[3]
    start = 4 + 4 * axes
    if len(data) < start:
        raise DataError(f"{path}: cut short in its header: expected {start} bytes, found {len(data)}. Fetch it again.")
    shape = struct.unpack(f">{axes}I", data[4:start])
    expected = start + math.prod(shape)
    if len(data) < expected:
        raise DataError(
            f"{path}: cut short: expected {expected} bytes for shape {shape}, found {len(data)}. Fetch it again."
        )
    if len(data) > expected:
        raise DataError(f"{path}: expected {expected} bytes for shape {shape}, found {len(data)}: bytes are left over")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _unpacked(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"{path}: expected an IDX file, found a folder")
    data = path.read_bytes()
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is cut short or damaged ({error}). Fetch it again.") from error


def read_folder(folder: str | os.PathLike[str], part: str) -> Split:
    """Read the `part` ("train" or "test") of a folder in MNIST's layout.

    Raises DataError if the folder or a file is missing, or if images and labels do not fit together.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(
            f"{folder}: expected a folder with IDX files, found {'a file' if folder.exists() else 'nothing'}"
        )
    images_path = _find(folder, f"{_PARTS[part]}-images", "idx3")
    labels_path = _find(folder, f"{_PARTS[part]}-labels", "idx1")
    return _split(read_idx(images_path), read_idx(labels_path), images_path, labels_path)


def is_idx_folder(folder: Path) -> bool:
    """Tell whether a folder holds images in MNIST's layout, of any part."""
    return any((folder / name).is_file() for part in _PARTS.values() for name in _names(f"{part}-images", "idx3"))


def _names(stem: str, kind: str) -> list[str]:
    return [f"{stem}{dot}{kind}-ubyte{end}" for dot in "-." for end in ("", ".gz")]


def _find(folder: Path, stem: str, kind: str) -> Path:
    names = _names(stem, kind)
    for name in names:
        if (folder / name).is_file():
            return folder / name
    folders = any(path.is_dir() for path in folder.iterdir())
    hint = ". Class folders are the data set `folder`: --dataset folder, or data.dataset=folder" if folders else ""
    raise DataError(f"{folder}: expected a file {names[0]} or {names[1]}; found {_listing(folder)}{hint}")


def _listing(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:6]) + (" ..." if len(names) > 6 else "") if names else "an empty folder"


def _split(images: np.ndarray, labels: np.ndarray, images_path: Path, labels_path: Path) -> Split:
    if images.ndim != 3:
        raise DataError(f"{images_path}: expected images, 3 axes (N, height, width); found shape {images.shape}")
    if labels.ndim != 1:
        raise DataError(f"{labels_path}: expected labels, 1 axis (N,); found shape {labels.shape}")
    if len(images) != len(labels):
        raise DataError(
            f"{labels_path}: expected a label for each of the {len(images)} images of {images_path.name}; "
            f"found {len(labels)}"
        )
    if images.size == 0:
        raise DataError(f"{images_path}: expected at least one image of at least one pixel; found {images.shape}")
    return Split(images, labels, str(images_path.parent))


def load(dataset: str, part: str, folder: str | os.PathLike[str] | None = None) -> Split:
    """Load a `part` ("train" or "test") of `dataset` ("mnist" or "fashion-mnist").

    Looked for in `folder` if one is given, and nowhere else; otherwise where Keras keeps what it has downloaded
    (`$KERAS_HOME` or ~/.keras), then where Debian's package puts it. Raises DataError that says how to get it.
    """
    return replace(_found(dataset, part, folder), classes=LABELS[dataset])


def _found(dataset: str, part: str, folder: str | os.PathLike[str] | None) -> Split:
    if folder is not None:
        return read_folder(folder, part)
    cache = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets"
    archive = cache / f"{dataset}.npz"
    if archive.is_file():
        return _read_npz(archive, part)
    candidates = [cache / dataset, *([DEBIAN_FOLDERS[dataset]] if dataset in DEBIAN_FOLDERS else [])]
    for candidate in candidates:
        if candidate.is_dir():
            return read_folder(candidate, part)
    raise DataError(_how_to_get(dataset, [archive, *candidates]))


def _how_to_get(dataset: str, looked: list[Path]) -> str:
    debian = " or `apt install dataset-fashion-mnist`" if dataset in DEBIAN_FOLDERS else ""
    module = dataset.replace("-", "_")
    return (
        f"expected the data set {dataset} in one of {', '.join(map(str, looked))}; found none. Name a folder that "
        f"holds its IDX files with --data FOLDER, or get it with "
        f'`python -c "import keras; keras.datasets.{module}.load_data()"`{debian}.'
    )


def _read_npz(path: Path, part: str) -> Split:
    """The archive that keras.datasets.mnist.load_data() keeps: x_train, y_train, x_test, y_test."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            images, labels = archive[f"x_{part}"], archive[f"y_{part}"]
    except DAMAGED_ARCHIVE as error:
        raise DataError(
            f"{path}: expected arrays x_{part} and y_{part} in an .npz file ({error}). Fetch it again."
        ) from error
    if images.dtype != np.uint8:
        raise DataError(f"{path}: expected images of dtype uint8; found {images.dtype}")
    return _split(images, labels.astype(np.uint8), path, path)
