"""Images to open, made here: noise, and PNG files that Pillow does not write."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from lcnn_engine.images.decoding import open_image

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 9), dtype=np.uint8)
RGB = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (6, 9), dtype=np.uint8)
GREY_16 = RNG.integers(0, 65536, (6, 9), dtype=np.uint16)
ORIENTATION = 0x0112


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def exif_of(orientation: int) -> Image.Exif:
    """EXIF data that say how an image lies, 1 to 8; other numbers mean nothing."""
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


def pixels(image: Any, mode: str) -> np.ndarray:
    image = open_image(image, mode)
    assert image.mode == mode
    return np.asarray(image)


def png(width: int, height: int, bits: int, colour_type: int, rows: bytes) -> bytes:
    """A PNG made by hand, as Pillow writes neither 16-bit colours nor impossible sizes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def png_of_16_bits(samples: np.ndarray, colour_type: int) -> bytes:
    """(H, W, channels) big endian, each row after a filter byte of 0."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return png(samples.shape[1], samples.shape[0], 16, colour_type, rows)
