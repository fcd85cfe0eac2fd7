"""Pictures of every format, damaged: an image of the right size, or refused."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lcnn_engine import Net
from lcnn_engine.errors import InputError
from lcnn_engine.images import decoding
from lcnn_engine.images.decoding import open_image
from tests.fuzz.kind import Kind, Outcome, refused
from tests.fuzz.meter import FoundError, Meter, while_loading
from tests.helpers.damage import damaged_bytes
from tests.helpers.image_files import encoded, exif_of, png_of_16_bits
from tests.helpers.networks import small_classifier

DATA = Path(__file__).parents[1] / "data"
MOST_PIXELS = 2**22  # a tenth of a second; the engine's own limit is 32 times that
BYTES_OF_A_PIXEL = 18  # while an image is read, at most: of a WebP
MOST_BYTES = 2**16  # of a file to begin with
ODD = [0, 1, 2, 3, 7, 8, 16, 255, 256, 2**15, 2**16 - 1, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1]


class Pictures(Kind):
    """Begins with small images of every format and mode, and with photographs."""

    name = "pictures"

    def __init__(self, kept: Sequence[bytes] = ()) -> None:
        super().__init__(kept)
        decoding.MAX_PIXELS = MOST_PIXELS
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._whole = [*_small_images(), *_photographs()]
        self._nets = {mode: Net(*small_classifier(channels), threads=1) for mode, channels in (("RGB", 3), ("L", 1))}

    def make(self, rng: random.Random) -> bytes:
        data = rng.choice(self.kept) if self.kept and rng.random() < 0.4 else rng.choice(self._whole)
        if data[:8] == b"\x89PNG\r\n\x1a\n" and rng.random() < 0.6:
            return _with_damaged_chunks(data, rng)
        action = rng.randrange(4)
        if action == 0:
            return data[: rng.randrange(len(data))]
        if action == 1:
            return damaged_bytes(data, rng, tokens=b"\0\xff\x01\x7f\x80\xd8\xd9\xda")
        if action == 2:
            return _with_odd_numbers(data, rng)
        other, place = rng.choice(self._whole), rng.randrange(len(data))
        return data[:place] + other[min(place, len(other) - 1) :]

    def judge(self, data: bytes, meter: Meter) -> Outcome:
        mode = "RGB" if zlib.crc32(data) & 1 else "L"
        size = _declared_size(data)
        pixels = size[0] * size[1] if size is not None else 0
        most = while_loading(data) + BYTES_OF_A_PIXEL * min(pixels, MOST_PIXELS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with meter.memory(most, "reading an image"):
                    image = open_image(data, mode)
            except InputError as error:
                return refused(error)
            if image.mode != mode or (size is not None and image.size not in (size, size[::-1])):
                raise FoundError(f"expected an image of mode {mode} and size {size}, found {image.mode}, {image.size}")
            probabilities = self._nets[mode].predict(data)
        if probabilities.shape != (10,) or not np.isfinite(probabilities).all():
            raise FoundError(f"expected ten probabilities, found {probabilities}")
        again = self._nets[mode].predict(np.asarray(image))  # an array, for it is upright and its EXIF is not
        if again.tobytes() != probabilities.tobytes():
            raise FoundError("expected the same for a file and the image in it, found others")
        return Outcome(True, f"{mode} {_format(data)} {pixels.bit_length()}", 2)


def _declared_size(data: bytes) -> tuple[int, int] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                return image.size
    except Exception:  # of what is no image, Pillow raises anything
        return None


def _format(data: bytes) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data)) as image:
            return f"{image.format} {image.mode}"


def _small_images() -> Iterator[bytes]:
    rng = np.random.default_rng(7)
    colours = Image.fromarray(rng.integers(0, 256, (23, 31, 3), dtype=np.uint8))
    grey, wide = colours.convert("L"), Image.fromarray(rng.integers(0, 65536, (13, 17), dtype=np.uint16))
    palette = colours.quantize(17)
    for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"):
        for image in (colours, grey, palette, colours.convert("RGBA"), grey.convert("LA"), grey.convert("1"), wide,
                      colours.convert("CMYK"), grey.convert("F")):  # fmt: skip
            try:
                yield encoded(image, format)
            except (OSError, KeyError, ValueError):  # a mode that the format has not, a format that Pillow has not
                continue
    for options in (
        {"progressive": True},
        {"subsampling": 2},
        {"quality": 3},
        {"exif": exif_of(6)},
        {"exif": exif_of(5)},
    ):
        yield encoded(colours, "JPEG", **options)
    for compression in ("tiff_deflate", "tiff_lzw", "packbits", "jpeg", "tiff_adobe_deflate"):
        yield encoded(colours, "TIFF", compression=compression)
    yield encoded(grey.convert("1"), "TIFF", compression="group4")
    for format in ("GIF", "WEBP", "PNG", "TIFF"):
        yield encoded(palette if format == "GIF" else colours, format, save_all=True, append_images=[colours, colours])
    yield encoded(palette, "PNG", transparency=3)
    yield encoded(colours, "WEBP", lossless=True)
    for colour_type, channels in ((2, 3), (4, 2), (6, 4)):
        yield png_of_16_bits(rng.integers(0, 65536, (9, 7, channels), dtype=np.uint16), colour_type)
    yield b"P6 3 2 65535\n" + bytes(range(36))
    yield b"P3 2 2 255\n" + b" ".join(b"%d" % n for n in range(12))


def _photographs() -> list[bytes]:
    found = [
        path.read_bytes() for folder in ("pictures", "signs") for path in sorted((DATA / folder).glob("*.jpg"))[:3]
    ]
    return [data for data in found if len(data) <= MOST_BYTES]


def _with_damaged_chunks(data: bytes, rng: random.Random) -> bytes:
    """Damage chunks of a PNG, and give them the checksums that they then have: what is in them is read."""
    chunks = list(_chunks(data))
    for _ in range(rng.choice([1, 1, 2, 3])):
        if not chunks:
            break
        number = rng.randrange(len(chunks))
        name, body = chunks[number]
        action = rng.randrange(6)
        if action == 0:
            del chunks[number]
        elif action == 1:
            chunks.insert(number, rng.choice(chunks))
        elif action == 2:
            chunks[number] = (
                rng.choice([b"IDAT", b"PLTE", b"tRNS", b"IHDR", b"eXIf", b"zTXt", b"acTL", b"fdAT"]),
                body,
            )
        elif action == 3 and name == b"IDAT":
            chunks[number] = (name, zlib.compress(damaged_bytes(_unpacked(body), rng)))
        else:
            chunks[number] = (name, _with_odd_numbers(body, rng) if body else b"\0")
    return data[:8] + b"".join(_chunk(name, body) for name, body in chunks)


def _unpacked(body: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(body, 2**20) or b"\0"
    except zlib.error:
        return body or b"\0"


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += 12 + length


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _with_odd_numbers(data: bytes, rng: random.Random) -> bytes:
    """Put odd numbers of 1, 2 or 4 bytes into places near the beginning, most of them."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        width = rng.choice([1, 2, 4])
        near = min(len(changed), 64) if rng.random() < 0.7 else len(changed)
        place = rng.randrange(max(1, near))
        number = (rng.choice(ODD) % 256**width).to_bytes(width, rng.choice(["little", "big"]))
        changed[place : place + width] = number
    return bytes(changed)
