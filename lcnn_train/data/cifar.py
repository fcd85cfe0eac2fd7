"""CIFAR-10 and CIFAR-100 as Keras and their own page hand them out: batches for Python, and binary ones.

A binary record is the class (CIFAR-100: coarse class, then class) and 3,072 bytes: red, green and blue planes of 32x32.
A batch for Python is a pickle of a dictionary with the same bytes. A pickle may hold any code, so one is read by a
reader that knows arrays and nothing else. Layout after https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import io
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lcnn_train.data.idx import Split
from lcnn_train.errors import DataError

_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class _Layout:
    """The names of one set: of its folders, batches of each part, class names, and of the labels in a batch."""

    folders: tuple[str, str]  # for Python, binary
    batches: dict[str, tuple[str, ...]]
    names: tuple[str, str, str]  # file for Python and its key, text file of the binary form
    key: str
    classes: int
    label_bytes: int


SETS = {
    "cifar10": _Layout(
        ("cifar-10-batches-py", "cifar-10-batches-bin"),
        {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)},
        ("batches.meta", "label_names", "batches.meta.txt"),
        "labels",
        10,
        1,
    ),
    "cifar100": _Layout(
        ("cifar-100-python", "cifar-100-binary"),
        {"train": ("train",), "test": ("test",)},
        ("meta", "fine_label_names", "fine_label_names.txt"),
        "fine_labels",
        100,
        2,
    ),
}


def load(dataset: str, part: str, folder: str | os.PathLike[str] | None = None) -> Split:
    """Read the `part` ("train" or "test") of `cifar10` or `cifar100`: images (N, 32, 32, 3), with the names of classes.

    `folder` is that of the batches or one that holds it; without it, where Keras has put them. Raises DataError if they
    are not there, or damaged.
    """
    layout = SETS[dataset]
    root, ending = _find(dataset, layout, folder)
    images, labels = [], []
    for name in layout.batches[part]:
        path = root / f"{name}{ending}"
        if not path.is_file():
            raise DataError(f"{path}: expected a batch of {dataset}, found nothing. Unpack the archive again")
        pixels, own = _binary(path, layout) if ending else _pickled(path, layout)
        if len(own) and int(own.max()) >= layout.classes:
            raise DataError(f"{path}: expected labels below {layout.classes}, found {own.max()}: is it {dataset}?")
        images.append(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        labels.append(own)
    whole = np.ascontiguousarray(np.concatenate(images))
    return Split(whole, np.concatenate(labels), str(root), _names(root, layout, ending))


def which(folder: Path) -> str | None:
    """Tell which of the sets a folder holds, if any."""
    return next((dataset for dataset, layout in SETS.items() if _in(folder, layout) is not None), None)


def _in(folder: Path, layout: _Layout) -> tuple[Path, str] | None:
    """Where the batches lie in a folder, and the ending of their names: none of those for Python."""
    first = layout.batches["train"][0]
    for root in (folder, *(folder / name for name in layout.folders)):
        for ending in ("", ".bin"):
            if (root / f"{first}{ending}").is_file():
                return root, ending
    return None


def _find(dataset: str, layout: _Layout, folder: str | os.PathLike[str] | None) -> tuple[Path, str]:
    """As `_in`, of the folder or of where Keras puts them. Raises DataError where they are not."""
    keras_home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets"
    places = [Path(folder).expanduser()] if folder is not None else [keras_home, *keras_home.glob("cifar-*-target")]
    first = layout.batches["train"][0]
    for place in places:
        found = _in(place, layout)
        if found is not None:
            return found
    looked = ", ".join(map(str, places))
    raise DataError(
        f"{looked}: expected {first} or {first}.bin of {dataset}, in it or in {' or '.join(layout.folders)}; found "
        f"neither. Unpack {layout.folders[0].replace('-batches-py', '-python')}.tar.gz from "
        f"https://www.cs.toronto.edu/~kriz/cifar.html there; where there is a network, "
        f"python -c 'import keras; keras.datasets.{dataset}.load_data()' fetches it"
    )


def _binary(path: Path, layout: _Layout) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 3072) and labels (N,), both uint8."""
    data, record = np.frombuffer(path.read_bytes(), np.uint8), layout.label_bytes + _PIXELS
    if not len(data) or len(data) % record:
        raise DataError(f"{path}: expected records of {record} bytes, found {len(data)} bytes: it is cut short")
    records = data.reshape(-1, record)
    return records[:, layout.label_bytes :], records[:, layout.label_bytes - 1]


class _Arrays(pickle.Unpickler):
    """Reads dictionaries, lists, texts, numbers and arrays, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np.zeros(0).__reduce__()[0]
        if (module, name) == ("_codecs", "encode"):  # how newer pickles of old protocols write bytes
            return lambda text, encoding: text.encode("latin1")
        raise pickle.UnpicklingError(f"{module}.{name} in it, which no batch has")


def _unpickled(path: Path) -> dict[bytes, Any]:
    try:
        found = _Arrays(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except FileNotFoundError:
        raise
    except Exception as error:  # of a damaged pickle, almost anything
        raise DataError(f"{path}: expected a batch for Python, found another or a damaged file: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected a dictionary in it, found {type(found).__name__}")
    return {key.encode() if isinstance(key, str) else key: value for key, value in found.items()}


def _pickled(path: Path, layout: _Layout) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 3072) and labels (N,), both uint8."""
    batch = _unpickled(path)
    pixels, labels = batch.get(b"data"), batch.get(layout.key.encode())
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (_PIXELS,):
        raise DataError(f"{path}: expected data (N, {_PIXELS}) of bytes, found {getattr(pixels, 'shape', pixels)}")
    if not isinstance(labels, list) or len(labels) != len(pixels) or not all(type(y) is int and y >= 0 for y in labels):
        raise DataError(f"{path}: expected {layout.key}, one for each of {len(pixels)} images, found others or none")
    return pixels, np.array(labels, np.int64)


def _names(root: Path, layout: _Layout, ending: str) -> tuple[str, ...] | None:
    """The names of the classes, where the file that tells them lies beside the batches."""
    pickled, key, text = layout.names
    path = root / (text if ending else pickled)
    if not path.is_file():
        return None
    if ending:
        names = path.read_text(encoding="utf-8").split()
    else:
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in _unpickled(path)[key.encode()]]
    if len(names) != layout.classes:
        raise DataError(f"{path}: expected the names of {layout.classes} classes, found {len(names)}")
    return tuple(names)
