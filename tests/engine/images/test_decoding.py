"""Every kind of image there is becomes the same 8-bit pixels. What is none is in ``test_decoding_refused.py``."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.errors import InputError
from lcnn_engine.images.decoding import open_image
from tests.helpers.image_files import ALPHA, GREY, GREY_16, RGB, RNG, encoded, exif_of, pixels, png_of_16_bits


def luma(rgb: np.ndarray) -> np.ndarray:
    """Pillow's documented L = 0.299 R + 0.587 G + 0.114 B (ITU-R 601-2), in its 16-bit fixed point."""
    weights = np.array([19595, 38470, 7471], dtype=np.int64)
    return ((rgb.astype(np.int64) @ weights + 0x8000) >> 16).astype(np.uint8)


def nearest_257th(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples.astype(np.float64) / 257).astype(np.uint8)


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


def test_floats_are_cut_to_integers() -> None:
    image = Image.fromarray(np.array([[0, 0.9, 12.7, 255]], dtype=np.float32))
    for source in (image, encoded(image, "TIFF")):
        np.testing.assert_array_equal(pixels(source, "L"), [[0, 0, 12, 255]])
    np.testing.assert_array_equal(pixels(Image.new("F", (2, 1)), "L"), [[0, 0]])


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        ([0, 0.5, 1], "0 to 1"), ([0, 0.25], "0 to 0.25"), ([-5, 12], "-5 to 12"), ([0, 65535], "0 to 65535"),
        ([0, 1, np.nan], "not finite"), ([np.inf, 1], "not finite"),
    ],
)  # fmt: skip
def test_floats_that_would_be_black_or_clipped_are_refused(samples: list[float], found: str) -> None:
    image = Image.fromarray(np.array([samples], dtype=np.float32))
    for source in (image, encoded(image, "TIFF")):
        with pytest.raises(InputError, match=rf"expected floats from 0 to 255, got .*{found}; scale them to a uint8"):
            open_image(source, "L")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "MPO"])
def test_every_format(format: str) -> None:
    if format not in Image.SAVE:
        Image.init()
    if format not in Image.SAVE:
        pytest.skip(f"this Pillow does not write {format}")
    flat = Image.new("RGB", (16, 16), (200, 100, 50))
    options: dict[str, Any] = {"save_all": True, "append_images": [flat]} if format == "MPO" else {}
    found = pixels(encoded(flat, format, **options), "RGB")
    assert found.shape == (16, 16, 3)
    assert np.abs(found.astype(int) - [200, 100, 50]).max() <= 3


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
            open_image(Image.fromarray(np.array(samples, dtype=np.int32)), "L")


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


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    expected = UPRIGHT[orientation](GREY)
    for format in ("PNG", "TIFF"):
        source = encoded(Image.fromarray(GREY), format, exif=exif_of(orientation))
        np.testing.assert_array_equal(pixels(source, "L"), expected)
        np.testing.assert_array_equal(pixels(Image.open(io.BytesIO(source)), "L"), expected)
    wide = encoded(Image.fromarray(GREY_16), exif=exif_of(orientation))
    np.testing.assert_array_equal(pixels(wide, "L"), UPRIGHT[orientation](nearest_257th(GREY_16)))
    stored = encoded(Image.fromarray(GREY), "JPEG")
    turned = encoded(Image.fromarray(GREY), "JPEG", exif=exif_of(orientation))
    np.testing.assert_array_equal(pixels(turned, "L"), UPRIGHT[orientation](pixels(stored, "L")))


@pytest.mark.parametrize("broken", [0, 9, 65535])
def test_an_orientation_that_means_nothing_turns_nothing(broken: int) -> None:
    np.testing.assert_array_equal(pixels(encoded(Image.fromarray(GREY), exif=exif_of(broken)), "L"), GREY)


@pytest.mark.filterwarnings("ignore:.*EXIF.*:UserWarning")
@pytest.mark.parametrize("tags", [b"Exif\0\0", b"Exif\0\0garbage here", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01"])
def test_damaged_exif_does_not_spoil_a_good_image(tags: bytes) -> None:
    source = encoded(Image.fromarray(GREY), "JPEG", exif=tags)
    np.testing.assert_array_equal(pixels(source, "L"), pixels(encoded(Image.fromarray(GREY), "JPEG"), "L"))


# ---------------------------------------------------------------------------------------------------------- sources


def test_path_bytes_image_and_array_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "digit.png"
    source = encoded(Image.fromarray(RGB))
    path.write_bytes(source)
    for image in (path, str(path), source, bytearray(source), memoryview(source), Image.open(path), RGB):
        np.testing.assert_array_equal(pixels(image, "RGB"), RGB)
    with path.open("rb") as file:
        np.testing.assert_array_equal(pixels(file, "RGB"), RGB)
        assert not file.closed


def test_a_file_is_read_from_where_it_stands_and_need_not_seek() -> None:
    content = encoded(Image.fromarray(RGB))
    file = io.BytesIO(b"head" + content)
    file.seek(4)
    np.testing.assert_array_equal(pixels(file, "RGB"), RGB)
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as end:
        end.write(content)
    with os.fdopen(reading, "rb") as end:
        np.testing.assert_array_equal(pixels(end, "RGB"), RGB)


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
        result = open_image(image, mode)
        result.paste(1, (0, 0, 2, 2))
    assert image.info == {"transparency": 3}
    assert image.tobytes() == before


def test_files_are_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "image"
    broken = encoded(Image.fromarray(RGB))[:-60]
    animated = encoded(Image.fromarray(GREY), "GIF", save_all=True, append_images=[Image.fromarray(255 - GREY)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        for content in (encoded(Image.fromarray(RGB)), animated, encoded(Image.fromarray(GREY), "TIFF")):
            path.write_bytes(content)
            open_image(path, "L")
        path.write_bytes(broken)
        with pytest.raises(InputError):
            open_image(path, "L")
    descriptors = Path("/proc/self/fd")
    if descriptors.is_dir():
        assert not [link for link in descriptors.iterdir() if link.is_symlink() and _target(link) == path]


def _target(link: Path) -> Path | None:
    try:
        return link.readlink()
    except FileNotFoundError:  # the descriptor of the listing itself
        return None
