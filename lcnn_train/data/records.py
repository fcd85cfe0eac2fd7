"""TFRecord files of images, as TensorFlow's ImageNet scripts write them: train-00000-of-01024, validation-...

A record is a tf.train.Example with `image/encoded` (the file's bytes), `image/class/label` (from 1 on, as 0 is the
background there) and, if there are any, `image/class/synset`, `image/class/text` and `image/filename`. Every record's
place and label are listed once, so that any order of the images can be read; the list is kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from lcnn_engine.utils.moved import former_names
from lcnn_train.data.annotations import in_words
from lcnn_train.data.images import Skipped
from lcnn_train.errors import DataError
from lcnn_train.utils.files import DAMAGED_ARCHIVE, write_atomically

_PARTS = {"train": ("train",), "test": ("validation", "val", "test")}
_SHARD = re.compile(r"(?P<part>[A-Za-z]+)-(?P<number>\d{5})-of-(?P<count>\d{5})(\.tfrecords?)?$")
_HEADER, _FOOTER = 12, 4  # bytes of a record before its data (length, checksum of the length) and after (checksum)
_READERS = 8
_INDEX_VERSION = 1


@dataclass(frozen=True)
class RecordImages:
    """Records of `files`: which file, and where in it; labels int64 (N,); otherwise as `Images` says."""

    files: tuple[Path, ...]
    file: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...] | None
    source: str
    skipped: Skipped = field(default_factory=Skipped, compare=False)

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> bytes:
        """Read the image's file, as bytes. Raises OSError if the record cannot be read any more."""
        return _feature(self._example(index), "image/encoded")

    def name(self, index: int) -> str:
        """Return the image's own name if its record has it, and the record's place."""
        place = f"{self.files[self.file[index]]}, byte {self.offset[index]}"
        try:
            own = _feature(self._example(index), "image/filename").decode(errors="replace")
        except OSError:
            own = ""
        return f"{own} ({place})" if own else place

    def take(self, indices: np.ndarray) -> RecordImages:
        """Take the images at `indices`, in that order."""
        columns = {key: getattr(self, key)[indices] for key in ("file", "offset", "length", "labels")}
        return replace(self, **columns)

    def _example(self, index: int) -> tf.train.Example:
        path = self.files[self.file[index]]
        with path.open("rb") as file:
            data = os.pread(file.fileno(), int(self.length[index]), int(self.offset[index]) + _HEADER)
        try:
            return tf.train.Example.FromString(data)
        except Exception as error:  # protobuf's own class of error differs between its versions
            raise OSError(f"{path}: expected a record at byte {self.offset[index]}; found {error}") from error


def find_records(folder: Path, part: str) -> list[Path]:
    """Find the TFRecord files of a part, in their order. Raises DataError if some of a set are missing."""
    found: dict[str, dict[int, dict[int, Path]]] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _SHARD.fullmatch(path.name)
        if match:
            sets = found.setdefault(match["part"], {})
            sets.setdefault(int(match["count"]), {})[int(match["number"])] = path
    for name in _PARTS[part]:
        if name in found:
            return _whole(folder, name, found[name])
    return []


def _whole(folder: Path, name: str, sets: dict[int, dict[int, Path]]) -> list[Path]:
    if len(sets) > 1:
        counts = " and ".join(str(count) for count in sorted(sets))
        raise DataError(f"{folder}: expected one set of {name} files; found sets of {counts}")
    ((count, shards),) = sets.items()
    missing = [number for number in range(count) if number not in shards]
    if missing:
        raise DataError(
            f"{folder}: expected {count} files {name}-*-of-{count:05d}; {len(missing)} of them are missing, the first "
            f"{name}-{missing[0]:05d}-of-{count:05d}"
        )
    return [shards[number] for number in range(count)]


def read_records(folder: str | os.PathLike[str], part: str, first_label: int = 1) -> RecordImages | None:
    """List the records of a `part` ("train" or "test") of a folder; None if it has no such files.

    `first_label` is the label of the first class. Raises DataError if a file is missing, cut short or damaged, or holds
    other records, or if a label is below `first_label` or stands for two classes.
    """
    folder = Path(folder)
    files = find_records(folder, part)
    if not files:
        return None
    index = _kept_index(files)
    if not len(index["label"]):
        raise DataError(f"{folder}: expected records in {files[0].name}; found none")
    labels, lowest = index["label"] - first_label, int(index["label"].min())
    if lowest < first_label:
        raise DataError(
            f"{folder}: expected labels from data.first_label = {first_label} on; found {lowest}. "
            f"Set data.first_label={lowest}"
        )
    classes = _classes(folder, [(int(label) - first_label, synset, text) for label, synset, text in index["named"]])
    where = index["shard"], index["offset"], index["length"]
    return RecordImages(tuple(files), *where, labels, classes, str(folder))


def _classes(folder: Path, named: list[tuple[int, str, str]]) -> tuple[str, ...] | None:
    """The name of each class, in words if they are there; None where one has no name, or no image."""
    names: dict[int, tuple[str, str]] = {}
    labels: dict[str, int] = {}
    for label, synset, text in named:
        name = synset or text
        other = names.setdefault(label, (name, text))[0]
        if other != name:
            raise DataError(f"{folder}: expected one class of each label; found {other} and {name} of label {label}")
        if name and labels.setdefault(name, label) != label:
            raise DataError(f"{folder}: expected every class once; found {name} of labels {labels[name]} and {label}")
    if sorted(names) != list(range(len(names))) or "" in labels or not all(name for name, _ in names.values()):
        return None
    return in_words([names[label] for label in range(len(names))])


def _kept_index(files: list[Path]) -> dict[str, np.ndarray]:
    """The index of some files, from the user's cache if they are still those that it was made of."""
    states = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    key = hashlib.sha256(repr((_INDEX_VERSION, states)).encode()).hexdigest()[:32]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lcnn"
    path = cache / f"records-{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as kept:
            return dict(kept)
    except DAMAGED_ARCHIVE:  # none yet, or one that was damaged: made anew
        index = _index(files)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda temporary: np.savez(temporary, allow_pickle=False, **index), suffix=".npz")
    except OSError:  # a home that cannot be written to: the index is made again next time
        pass
    return index


def _index(files: list[Path]) -> dict[str, np.ndarray]:
    """Of each record: its file, offset, length in bytes and label; and all different (label, synset, text)."""
    with ThreadPoolExecutor(_READERS) as pool:
        parts = list(pool.map(_index_of_one, files))
    named = sorted(set().union(*(names for _, names in parts)))
    rows = np.array([(i, *row) for i, (part, _) in enumerate(parts) for row in part], np.int64).reshape(-1, 4)
    columns = dict(zip(("shard", "offset", "length", "label"), rows.T.copy(), strict=True))
    return {**columns, "named": np.array(named, dtype=np.str_).reshape(-1, 3)}


def _index_of_one(path: Path) -> tuple[list[tuple[int, int, int]], set[tuple[str, str, str]]]:
    """(offset, length, label) of each record of a file, and the different (label, synset, text) in it."""
    rows: list[tuple[int, int, int]] = []
    names: set[tuple[str, str, str]] = set()
    offset, size, problem = 0, path.stat().st_size, "the last record is not whole"
    try:
        for record in tf.data.TFRecordDataset(str(path)):  # which also holds every record to its checksum
            data = record.numpy()
            label, name = _label(path, data, len(rows))
            rows.append((offset, len(data), label))
            names.add(name)
            offset += _HEADER + len(data) + _FOOTER
    except tf.errors.OpError as error:
        problem = str(error.message).split(";")[0]
    if offset != size:  # a few bytes of a header end a file without an error
        raise DataError(
            f"{path}: cut short or damaged at byte {offset} of {size}, after {len(rows)} whole records ({problem}). "
            "Fetch or pack it again."
        )
    return rows, names


def _label(path: Path, data: bytes, number: int) -> tuple[int, tuple[str, str, str]]:
    try:
        features = tf.train.Example.FromString(data).features.feature
    except Exception as error:  # protobuf's own class of error differs between its versions
        raise DataError(f"{path}: expected a tf.train.Example as record {number}; found other bytes") from error
    if not features["image/encoded"].bytes_list.value or not features["image/class/label"].int64_list.value:
        found = ", ".join(sorted(key for key in features if features[key].WhichOneof("kind"))) or "none"
        raise DataError(
            f"{path}: expected features image/encoded and image/class/label in record {number}; found {found}"
        )
    label = int(features["image/class/label"].int64_list.value[0])
    texts = [_text(features[f"image/class/{key}"]) for key in ("synset", "text")]
    return label, (str(label), texts[0], texts[1])


def _feature(example: tf.train.Example, name: str) -> bytes:
    values = example.features.feature[name].bytes_list.value
    return values[0] if values else b""


def _text(feature: tf.train.Feature) -> str:
    values = feature.bytes_list.value
    return values[0].decode(errors="replace").strip() if values else ""


former_names(__name__, RecordPictures="RecordImages")
