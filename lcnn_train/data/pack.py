"""Writing a data set as TFRecord files, which records.py and TensorFlow's ImageNet scripts read.

Many small files cost a seek each on a disk that turns or a network; some hundred large ones do not.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from lcnn_engine.errors import InputError
from lcnn_engine.images.decoding import open_image
from lcnn_train.data.folder import FileImages
from lcnn_train.data.images import Images
from lcnn_train.errors import DataError
from lcnn_train.utils.files import write_atomically

PREFIXES = {"train": "train", "test": "validation"}
_PER_SHARD = 1250  # about 140 MB of ImageNet, of which this makes the usual 1,024 files and some for validation
_READ_AHEAD = 64
_SEED = 12345


@dataclass(frozen=True)
class _Encoded:
    """An image's file, what it is, and its size in pixels."""

    data: bytes
    format: str
    height: int
    width: int


def pack(images: Images, folder: str | os.PathLike[str], part: str, shards: int | None = None) -> list[Path]:
    """Write images as TFRecord files PREFIX-00000-of-SHARDS in `folder`, mixed; return their paths.

    Files are kept as they are, byte by byte, and pixels are saved as PNG. Images that cannot be decoded are left out,
    and noted in `images.skipped`. Labels begin at 1. Raises DataError if the folder has files of this part already,
    or more shards are asked for than there are images.
    """
    folder = Path(folder)
    prefix = PREFIXES[part]
    shards = shards or max(1, round(len(images) / _PER_SHARD))
    if not 1 <= shards <= len(images):
        raise DataError(f"--shards: expected 1 to {len(images)}, the number of images; found {shards}")
    old = sorted(path.name for path in folder.glob(f"{prefix}-*-of-*")) if folder.is_dir() else []
    if old:
        raise DataError(
            f"{folder}: expected no {prefix} files yet; found {old[0]}. Name another folder, or remove them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(_SEED).permutation(len(images))
    paths = [folder / f"{prefix}-{number:05d}-of-{shards:05d}" for number in range(shards)]
    for path, indices in zip(paths, np.array_split(order, shards), strict=True):
        write_atomically(path, lambda temporary, own=indices: _write(temporary, images, own))  # type: ignore[misc]
    return paths


def _write(path: Path, images: Images, indices: np.ndarray) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for index, encoded in _encoded(images, indices):
            writer.write(_example(images, index, encoded).SerializeToString(deterministic=True))


def _encoded(images: Images, indices: np.ndarray) -> Iterator[tuple[int, _Encoded]]:
    """Each image that can be decoded, in the order of `indices`, some read ahead by other threads."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        remaining = iter(indices)
        while several := list(islice(remaining, _READ_AHEAD)):
            found = pool.map(lambda index: _encode(images, int(index)), several)
            for index, encoded in zip(several, found, strict=True):
                if encoded is not None:
                    yield int(index), encoded


def _encode(images: Images, index: int) -> _Encoded | None:
    try:
        image = images.read(index)
        if isinstance(image, np.ndarray):
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, "PNG")
            return _Encoded(buffer.getvalue(), "PNG", image.shape[0], image.shape[1])
        data = image if isinstance(image, bytes) else Path(str(image)).read_bytes()
        upright = open_image(data, "RGB")
        with Image.open(io.BytesIO(data)) as opened:
            return _Encoded(data, opened.format or "", upright.height, upright.width)
    except (InputError, OSError) as error:
        images.skipped.add(images.name(index), error)
        return None


def _example(images: Images, index: int, encoded: _Encoded) -> tf.train.Example:
    label = int(images.labels[index])
    words = images.classes[label] if images.classes else ""
    synset = images.synsets[label] if isinstance(images, FileImages) else words
    features = {
        "image/encoded": _bytes(encoded.data),
        "image/format": _bytes(encoded.format.encode()),
        "image/filename": _bytes(Path(images.name(index)).name.encode(errors="surrogateescape")),
        "image/height": _integers(encoded.height),
        "image/width": _integers(encoded.width),
        "image/colorspace": _bytes(b"RGB"),
        "image/channels": _integers(3),
        "image/class/label": _integers(label + 1),
        "image/class/synset": _bytes(synset.encode()),
        "image/class/text": _bytes(words.encode()),
    }
    return tf.train.Example(features=tf.train.Features(feature=features))


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _integers(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
