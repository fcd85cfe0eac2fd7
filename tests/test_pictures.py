"""Every kind of picture there is becomes the same 8-bit pixels, and what is no picture is refused."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.errors import InputError
from lcnn_engine.pictures import MAX_PIXELS, open_picture

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


def pixels(picture: Any, mode: str) -> np.ndarray:
    image = open_picture(picture, mode)
    assert image.mode == mode
    return np.asarray(image)


def luma(rgb: np.ndarray) -> np.ndarray:
    """Pillow's documented L = 0.299 R + 0.587 G + 0.114 B (ITU-R 601-2), in its 16-bit fixed point."""
    weights = np.array([19595, 38470, 7471], dtype=np.int64)
    return ((rgb.astype(np.int64) @ weights + 0x8000) >> 16).astype(np.uint8)


def nearest_257th(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples.astype(np.float64) / 257).astype(np.uint8)


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


# ------------------------------------------------------------------------------------------------------------ modes


def test_grey_becomes_colour_and_colour_grey() -> None:
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(GREY)), "L"), GREY)
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(GREY)), "RGB"), np.stack([GREY] * 3, axis=-1))
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(RGB)), "RGB"), RGB)
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(RGB)), "L"), luma(RGB))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_alpha_is_dropped_and_not_blended(mode: str) -> None:
    for opaque in (GREY, RGB):
        layered = np.dstack([opaque, ALPHA])
        for source in (encoded(Image.fromarray(layered)), encoded(Image.fromarray(layered), "TIFF")):
            np.testing.assert_array_equal(pixels(source, mode), pixels(opaque, mode))


def test_premultiplied_alpha_is_divided_out() -> None:
    solid = Image.fromarray(np.dstack([RGB, np.full_like(GREY, 255)]))
    np.testing.assert_array_equal(pixels(solid.convert("RGBa"), "RGB"), RGB)
    grey = Image.fromarray(np.dstack([GREY, np.full_like(GREY, 255)]))
    np.testing.assert_array_equal(pixels(grey.convert("La"), "L"), GREY)


@pytest.mark.parametrize("transparency", [None, 3, bytes(range(0, 160, 10))])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_palettes_give_their_colours_whatever_is_transparent(transparency: int | bytes | None, mode: str) -> None:
    palette = RNG.integers(0, 256, (16, 3), dtype=np.uint8)
    entries = RNG.integers(0, 16, (6, 9), dtype=np.uint8)
    image = Image.fromarray(entries)
    image.putpalette(palette.tobytes())
    options = {} if transparency is None else {"transparency": transparency}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pixels(encoded(image, **options), mode)
    colours = palette[entries]
    np.testing.assert_array_equal(found, colours if mode == "RGB" else luma(colours))


def test_a_transparent_colour_of_grey_and_rgb_stays() -> None:
    for array, transparency in ((GREY, int(GREY[0, 0])), (RGB, tuple(int(v) for v in RGB[0, 0]))):
        source = encoded(Image.fromarray(array), transparency=transparency)
        np.testing.assert_array_equal(pixels(source, "RGB"), pixels(array, "RGB"))


def test_one_bit() -> None:
    bits = GREY > 127
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(bits)), "L"), bits * np.uint8(255))


def test_cmyk_jpeg() -> None:
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 51))  # no green, no blue, a fifth black: 204, 0, 0
    found = pixels(encoded(cmyk, "JPEG", quality=100, subsampling=0), "RGB")
    assert found.shape == (16, 16, 3)
    assert np.abs(found.astype(int) - [204, 0, 0]).max() <= 2
    grey = pixels(encoded(cmyk, "JPEG", quality=100, subsampling=0), "L")
    assert np.abs(grey.astype(int) - luma(np.array([204, 0, 0]))).max() <= 2


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "LAB", "RGBX"])
def test_other_colour_spaces_are_converted_by_pillow(mode: str) -> None:
    image = Image.fromarray(RGB).convert(mode)
    np.testing.assert_array_equal(pixels(image, "RGB"), np.asarray(image.convert("RGB")))
    if mode != "YCbCr":  # whose Y is L
        np.testing.assert_array_equal(pixels(image, "L"), luma(np.asarray(image.convert("RGB"))))


def test_floats_are_clipped_as_pillow_does() -> None:
    image = Image.fromarray(np.array([[-5, 0, 12.7, 255, 300]], dtype=np.float32))
    np.testing.assert_array_equal(pixels(encoded(image, "TIFF"), "L"), [[0, 0, 12, 255, 255]])


# ---------------------------------------------------------------------------------------------------------- 16 bits


def test_every_16_bit_value_becomes_the_nearest_257th() -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    found = pixels(encoded(Image.fromarray(every)), "L")
    np.testing.assert_array_equal(found, nearest_257th(every))
    assert (found.flat[0], found.flat[257 * 77], found.flat[65535]) == (0, 77, 255)


def test_16_bit_grey_in_all_its_forms() -> None:
    expected = nearest_257th(GREY_16)
    wide = Image.fromarray(GREY_16.astype(np.int32))
    assert wide.mode == "I"
    big_endian = Image.frombytes("I;16B", (9, 6), GREY_16.astype(">u2").tobytes())
    sources = [
        Image.fromarray(GREY_16), wide, big_endian, encoded(Image.fromarray(GREY_16), "TIFF"),
        encoded(big_endian, "TIFF"), b"P5 9 6 65535\n" + GREY_16.astype(">u2").tobytes(),
    ]  # fmt: skip
    for source in sources:
        np.testing.assert_array_equal(pixels(source, "L"), expected)
        np.testing.assert_array_equal(pixels(source, "RGB"), np.stack([expected] * 3, axis=-1))


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_16_bit_colours_and_alpha_in_png(colour_type: int, channels: int, mode: str) -> None:
    samples = RNG.integers(0, 65536, (6, 9, channels), dtype=np.uint16)
    colours = nearest_257th(samples[..., : 3 if channels > 2 else 1])
    assert np.any(colours != samples[..., : colours.shape[-1]] >> 8)  # the high byte alone would not do
    found = pixels(png_of_16_bits(samples, colour_type), mode)
    np.testing.assert_array_equal(found, pixels(colours, mode))


def test_32_bit_numbers_beyond_16_bits_are_refused() -> None:
    for samples in ([[0, 65536]], [[-1, 5]]):
        with pytest.raises(InputError, match=r"expected 16-bit samples from 0 to 65535, got .*; scale them"):
            open_picture(Image.fromarray(np.array(samples, dtype=np.int32)), "L")


# ------------------------------------------------------------------------------------------------------ orientation

# How a viewer shows what the camera stored, from the EXIF standard: where its row 0 and column 0 are.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],  # row 0 top, column 0 right
    3: lambda a: a[::-1, ::-1],  # bottom, right
    4: lambda a: a[::-1],  # bottom, left
    5: lambda a: a.T,  # left, top
    6: lambda a: a.T[:, ::-1],  # right, top
    7: lambda a: a.T[::-1, ::-1],  # right, bottom
    8: lambda a: a.T[::-1],  # left, bottom
}


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    expected = UPRIGHT[orientation](GREY)
    for format in ("PNG", "TIFF"):
        source = encoded(Image.fromarray(GREY), format, exif=exif(orientation))
        np.testing.assert_array_equal(pixels(source, "L"), expected)
        np.testing.assert_array_equal(pixels(Image.open(io.BytesIO(source)), "L"), expected)
    wide = encoded(Image.fromarray(GREY_16), exif=exif(orientation))
    np.testing.assert_array_equal(pixels(wide, "L"), UPRIGHT[orientation](nearest_257th(GREY_16)))
    stored = encoded(Image.fromarray(GREY), "JPEG")
    turned = encoded(Image.fromarray(GREY), "JPEG", exif=exif(orientation))
    np.testing.assert_array_equal(pixels(turned, "L"), UPRIGHT[orientation](pixels(stored, "L")))


@pytest.mark.parametrize("broken", [0, 9, 65535])
def test_an_orientation_that_means_nothing_turns_nothing(broken: int) -> None:
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(GREY), exif=exif(broken)), "L"), GREY)


@pytest.mark.filterwarnings("ignore:.*EXIF.*:UserWarning")
@pytest.mark.parametrize("tags", [b"Exif\0\0", b"Exif\0\0garbage here", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01"])
def test_damaged_exif_does_not_spoil_a_good_picture(tags: bytes) -> None:
    source = encoded(Image.fromarray(GREY), "JPEG", exif=tags)
    np.testing.assert_array_equal(pixels(source, "L"), pixels(encoded(Image.fromarray(GREY), "JPEG"), "L"))


# ---------------------------------------------------------------------------------------------------------- sources


def test_path_bytes_image_and_array_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    source = encoded(Image.fromarray(RGB))
    path.write_bytes(source)
    for picture in (path, str(path), source, bytearray(source), memoryview(source), Image.open(path), RGB):
        np.testing.assert_array_equal(pixels(picture, "RGB"), RGB)


def test_arrays_of_any_layout() -> None:
    np.testing.assert_array_equal(pixels(GREY[..., None], "L"), GREY)
    np.testing.assert_array_equal(pixels(np.dstack([RGB, ALPHA]), "RGB"), RGB)
    np.testing.assert_array_equal(pixels(GREY[::-2, ::3], "L"), GREY[::-2, ::3])
    np.testing.assert_array_equal(pixels(np.asfortranarray(RGB), "RGB"), RGB)


def test_an_animation_gives_its_first_frame_and_an_image_the_one_it_shows() -> None:
    frames = [Image.fromarray(frame) for frame in (GREY, 255 - GREY)]
    source = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(pixels(source, "L"), GREY)
    image = Image.open(io.BytesIO(source))
    image.seek(1)
    np.testing.assert_array_equal(pixels(image, "L"), 255 - GREY)


def test_a_pillow_image_is_left_as_it_was() -> None:
    image = Image.fromarray(GREY)
    image.info["transparency"] = 3
    before = image.tobytes()
    for mode in ("L", "RGB"):
        result = open_picture(image, mode)
        result.paste(1, (0, 0, 2, 2))
    assert image.info == {"transparency": 3}
    assert image.tobytes() == before


def test_files_are_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    broken = encoded(Image.fromarray(RGB))[:-60]
    animated = encoded(Image.fromarray(GREY), "GIF", save_all=True, append_images=[Image.fromarray(255 - GREY)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        for content in (encoded(Image.fromarray(RGB)), animated, encoded(Image.fromarray(GREY), "TIFF")):
            path.write_bytes(content)
            open_picture(path, "L")
        path.write_bytes(broken)
        with pytest.raises(InputError):
            open_picture(path, "L")
    descriptors = Path("/proc/self/fd")
    if descriptors.is_dir():
        assert not [link for link in descriptors.iterdir() if link.is_symlink() and _target(link) == path]


def _target(link: Path) -> Path | None:
    try:
        return link.readlink()
    except FileNotFoundError:  # the descriptor of the listing itself
        return None


FIRST_USE_BY_MANY_THREADS = """
import sys, threading
from lcnn_engine.pictures import open_picture
start, errors = threading.Barrier(8), []
def read():
    start.wait()
    try:
        open_picture(sys.argv[1], "L")
    except Exception as error:
        errors.append(repr(error))
threads = [threading.Thread(target=read) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit("; ".join(errors) or 0)
"""


def test_many_threads_may_open_the_first_picture(tmp_path: Path) -> None:
    """Pillow loads the plugins for rarer formats on first need, when it must not tell a thread "unknown format"."""
    path = tmp_path / "digit.tif"
    Image.fromarray(GREY).save(path)
    subprocess.run([sys.executable, "-c", FIRST_USE_BY_MANY_THREADS, path], check=True, timeout=60, cwd=tmp_path)


def test_many_threads_may_share_an_image_not_read_yet() -> None:
    big = RNG.integers(0, 256, (400, 400), dtype=np.uint8)
    image = Image.open(io.BytesIO(encoded(Image.fromarray(big))))
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(pixels(image, "L"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(np.array_equal(one, big) for one in found)


# ----------------------------------------------------------------------------------------------------------- errors


def test_a_missing_file_is_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_picture(tmp_path / "nowhere.png", "L")


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{tmp_path.name}.*expected a picture, got a directory; name the files"):
        open_picture(tmp_path, "L")


def test_an_impossible_path() -> None:
    with pytest.raises(InputError, match="expected a whole picture"):
        open_picture("digit\0.png", "L")


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff"])
def test_what_is_no_picture(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.png"
    path.write_bytes(content)
    for source, name in ((content, f"^{len(content)} bytes"), (path, r"file\.png")):
        with pytest.raises(InputError, match=name + r".*: expected a whole picture in a format Pillow reads, got \w+"):
            open_picture(source, "L")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")  # Pillow's word on the cut TIFF
@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_a_truncated_picture(format: str) -> None:
    content = encoded(Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)), format)
    for kept in (len(content) * 2 // 3, len(content) // 3, 20):
        with pytest.raises(InputError, match="expected a"):
            open_picture(content[:kept], "RGB")
        if kept > 1000 and format not in ("TIFF", "WEBP"):  # these need the whole file to open
            with pytest.raises(InputError, match=r"Pillow image of mode .*: expected a whole picture"):
                open_picture(Image.open(io.BytesIO(content[:kept])), "RGB")


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
        with pytest.raises(InputError, match=r"expected a .*picture"):
            open_picture(source, mode)
        assert limit == Image.MAX_IMAGE_PIXELS
    if width and height:
        with pytest.raises(InputError, match=f"1 to {MAX_PIXELS} pixels, got {width} x {height} = {width * height}; "):
            open_picture(Image.open(io.BytesIO(source)), mode)


def test_the_limit_is_inclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lcnn_engine.pictures.MAX_PIXELS", 54)
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(GREY)), "L"), GREY)
    monkeypatch.setattr("lcnn_engine.pictures.MAX_PIXELS", 53)
    with pytest.raises(InputError, match="got 9 x 6 = 54"):
        open_picture(encoded(Image.fromarray(GREY)), "L")


def test_a_warning_about_size_that_is_made_an_error_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match="DecompressionBomb"):
            open_picture(encoded(Image.fromarray(GREY)), "L")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 5), np.uint8), np.zeros((5, 0, 3), np.uint8), np.zeros((5, 5, 2), np.uint8), np.zeros(5, np.uint8),
        np.zeros((2, 5, 5, 3), np.uint8), np.zeros((5, 5), np.uint16), np.zeros((5, 5), np.float32),
        np.zeros((5, 5), bool),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)  # fmt: skip
def test_arrays_that_are_no_picture(array: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"expected a uint8 array of shape .* with at least one pixel, got "):
        open_picture(array, "L")


@pytest.mark.parametrize("thing", [None, 3, io.BytesIO(b"x"), [GREY], b"x"[0]])
def test_things_that_hold_no_picture(thing: Any) -> None:
    with pytest.raises(InputError, match=f"expected a path, bytes, .*, got {type(thing).__name__}"):
        open_picture(thing, "L")
