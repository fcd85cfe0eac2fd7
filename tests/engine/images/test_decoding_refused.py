"""What is no image, is damaged or is too large is refused, with an error of ours."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.errors import InputError
from lcnn_engine.images.decoding import MAX_PIXELS, open_image
from tests.helpers.image_files import GREY, ORIENTATION, RNG, encoded, pixels, png


def test_a_missing_file_is_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_image(tmp_path / "nowhere.png", "L")


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{tmp_path.name}.*expected an image, got a directory; name the files"):
        open_image(tmp_path, "L")


def test_an_impossible_path() -> None:
    with pytest.raises(InputError, match="expected a whole image"):
        open_image("digit\0.png", "L")


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff"])
def test_what_is_no_image(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.png"
    path.write_bytes(content)
    for source, name in ((content, f"^{len(content)} bytes"), (path, r"file\.png")):
        with pytest.raises(InputError, match=name + r".*: expected a whole image \(JPEG, .* or PPM\), got \w+"):
            open_image(source, "L")


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 6\n%%EndComments\nshowpage\n"


def test_postscript_starts_no_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pillow reads it by Ghostscript, which a file from a stranger must not start."""
    path = tmp_path / "digit.png"
    path.write_bytes(POSTSCRIPT)
    monkeypatch.setattr(subprocess, "Popen", lambda *arguments, **options: pytest.fail(f"started {arguments}"))
    Image.init()
    assert "EPS" in Image.OPEN
    for source in (POSTSCRIPT, path):
        with pytest.raises(InputError, match=r"or PPM\), got something else; convert it to one of these"):
            open_image(source, "L")


@pytest.mark.parametrize("format", ["ICO", "JPEG2000", "PCX", "SGI", "TGA", "DDS"])
def test_other_formats_of_pillow_are_not_tried(format: str) -> None:
    Image.init()
    if format not in Image.SAVE:
        pytest.skip(f"this Pillow does not write {format}")
    source = encoded(Image.new("RGB", (32, 32)), format)
    with pytest.raises(InputError, match="got something else; convert it"):
        open_image(source, "RGB")
    assert open_image(Image.open(io.BytesIO(source)), "RGB").size == (32, 32)  # as the caller has chosen


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")  # Pillow's word on the cut TIFF
@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_a_truncated_image(format: str) -> None:
    content = encoded(Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)), format)
    for kept in (len(content) * 2 // 3, len(content) // 3, 20):
        with pytest.raises(InputError, match="expected a"):
            open_image(content[:kept], "RGB")
        if kept > 1000 and format not in ("TIFF", "WEBP"):  # these need the whole file to open
            with pytest.raises(InputError, match=r"Pillow image of mode .*: expected a whole image"):
                open_image(Image.open(io.BytesIO(content[:kept])), "RGB")


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(
    ("width", "height"), [(0, 5), (5, 0), (2**16, 2**15), (MAX_PIXELS + 1, 1), (2**31 - 1, 2**31 - 1)]
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_impossible_sizes_are_refused_before_decoding(
    width: int, height: int, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Pillow's own limit as it is, and without it: ours does not lean on it."""
    source = png(width, height, 8, 0, b"")
    for limit in (Image.MAX_IMAGE_PIXELS, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(InputError, match=r"expected an? .*image"):
            open_image(source, mode)
        assert limit == Image.MAX_IMAGE_PIXELS
    if width and height:
        with pytest.raises(InputError, match=f"1 to {MAX_PIXELS} pixels, got {width} x {height} = {width * height}; "):
            open_image(Image.open(io.BytesIO(source)), mode)


def test_the_limit_is_inclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lcnn_engine.images.decoding.MAX_PIXELS", 54)
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(GREY)), "L"), GREY)
    monkeypatch.setattr("lcnn_engine.images.decoding.MAX_PIXELS", 53)
    with pytest.raises(InputError, match="got 9 x 6 = 54"):
        open_image(encoded(Image.fromarray(GREY)), "L")


def test_a_warning_about_size_that_is_made_an_error_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match="DecompressionBomb"):
            open_image(encoded(Image.fromarray(GREY)), "L")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 5), np.uint8), np.zeros((5, 0, 3), np.uint8), np.zeros((5, 5, 2), np.uint8), np.zeros(5, np.uint8),
        np.zeros((2, 5, 5, 3), np.uint8), np.zeros((5, 5), np.uint16), np.zeros((5, 5), np.float32),
        np.zeros((5, 5), bool),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)  # fmt: skip
def test_arrays_that_are_no_image(array: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"expected a uint8 array of shape .* with at least one pixel, got "):
        open_image(array, "L")


def tiff(edge: int, tile: int) -> bytes:
    """A deflated grey TIFF of edge x edge in one tile of tile x tile, by hand: Pillow writes strips."""
    data = zlib.compress(bytes(min(tile * tile, 2**24)), 9)
    tags = [
        (256, edge), (257, edge), (258, 8), (259, 8), (262, 1), (277, 1), (322, tile), (323, tile), (324, 8),
        (325, len(data)),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def test_tiles_much_larger_than_the_image_are_refused() -> None:
    for tile in (16, 1024, 2048):
        np.testing.assert_array_equal(pixels(tiff(16, tile), "L"), np.zeros((16, 16)))
    with pytest.raises(InputError, match="16 x 16 in tiles of at most 4194304 pixels, got 16384 x 16384; save it"):
        open_image(tiff(16, 16384), "L")


BYTES_OF_A_PIXEL = """
import sys
from lcnn_engine.images.decoding import open_image
import numpy as np
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
open_image(np.zeros((2, 2), np.uint8), "RGB")
before = peak()
width, height = open_image(sys.argv[1], "RGB").size
print((peak() - before) / (width * height))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
@pytest.mark.parametrize(
    ("kind", "bytes_a_pixel"),
    [
        ("colours of 16 bits", 12), ("colours with alpha of 16 bits", 12), ("grey with alpha of 16 bits", 12),
        ("grey of 16 bits", 7), ("JPEG", 4), ("progressive JPEG", 10), ("turned JPEG", 8), ("PNG", 4), ("BMP", 4),
        ("TIFF", 4), ("GIF", 5), ("WEBP", 16),
    ],
)  # fmt: skip
def test_reading_takes_little_memory(kind: str, bytes_a_pixel: int, tmp_path: Path) -> None:
    """A decoded image of colours takes 4 bytes a pixel in Pillow; it is copied only where it must be converted."""
    edge, path = 2000, tmp_path / "image"
    words = kind.split()
    tags = Image.Exif()
    tags[ORIENTATION] = 6
    options: dict[str, Any] = {"progressive": {"progressive": True, "subsampling": 0}, "turned": {"exif": tags}}
    if words[-1] == "bits":
        colour_type, channels = {"colours": (2, 3), "grey": (0, 1)}[words[0]]
        alpha = "alpha" in words
        colour_type, channels = colour_type + 4 * alpha, channels + alpha
        path.write_bytes(png(edge, edge, 16, colour_type, bytes(edge * (2 * channels * edge + 1))))
    else:
        flat = Image.new("RGB", (edge, edge), (10, 20, 30))
        path.write_bytes(encoded(flat, words[-1], **options.get(words[0], {})))
    found = subprocess.run(
        [sys.executable, "-c", BYTES_OF_A_PIXEL, path], check=True, timeout=600, capture_output=True, text=True
    )
    assert float(found.stdout) < bytes_a_pixel + 2


def test_files_that_give_no_image(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(encoded(Image.fromarray(GREY)))
    for encoding in ("latin-1", "utf-8"):  # of which one can read any bytes
        with (
            path.open(encoding=encoding) as text,
            pytest.raises(InputError, match=r"gives bytes, got str; open it .* 'rb'"),
        ):
            open_image(text, "L")  # type: ignore[arg-type]
    with path.open("rb") as file:
        file.read()
        with pytest.raises(InputError, match=r"BufferedReader: expected an image, got no bytes; .*\.seek\(0\)"):
            open_image(file, "L")
    with pytest.raises(InputError, match=r"BufferedReader: expected a whole image .*closed"):
        open_image(file, "L")
    with pytest.raises(InputError, match=r"BytesIO: .* got something else"):
        open_image(io.BytesIO(b"x"), "L")


@pytest.mark.parametrize("value", [None, 3, [GREY], b"x"[0]])
def test_values_that_hold_no_image(value: Any) -> None:
    with pytest.raises(InputError, match=f"expected a path, bytes, .*, got {type(value).__name__}"):
        open_image(value, "L")
