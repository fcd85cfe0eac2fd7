"""Resizing, cutting and normalizing against the same done by hand."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.errors import InputError
from lcnn_engine.images.preprocessing import as_batch, normalize, resized_shape, to_input, to_pixels
from lcnn_engine.model.graph import Preprocessing, Resize
from tests.helpers.preprocessed import COLOUR, GREY, RNG, SHAPE, pixels

# ------------------------------------------------------------------------------------------------------------ steps


def test_normalize_is_the_formula_in_float32() -> None:
    x = pixels(5, 4, 3)
    p = Preprocessing(mode="RGB", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), scale=1 / 255)
    found = normalize(x, p)
    f = np.float32
    for i in range(3):
        expected = (x[..., i].astype(f) * f(p.scale) - f(p.mean[i])) / f(p.std[i])
        assert expected.dtype == found.dtype == np.float32
        np.testing.assert_array_equal(found[..., i], expected)
    np.testing.assert_array_equal(normalize(np.stack([x, x]), p), np.stack([found, found]))
    assert x.dtype == np.uint8


def test_box_resize_by_hand() -> None:
    """Halving with the box filter is the mean of every 2x2 block, rounded: a resize that needs no Pillow to check."""
    x = pixels(8, 6, 3)
    p = Preprocessing(mode="RGB", mean=(0,) * 3, std=(1,) * 3, resize=Resize("exact", (4, 3), "box"))
    blocks = x.reshape(4, 2, 3, 2, 3).astype(float)
    np.testing.assert_allclose(to_pixels(x, p, (4, 3, 3)), blocks.mean(axis=(1, 3)), atol=1)
    flat = np.repeat(np.repeat(pixels(4, 3, 3), 2, axis=0), 2, axis=1)
    np.testing.assert_array_equal(to_pixels(flat, p, (4, 3, 3)), flat[::2, ::2])


@pytest.mark.parametrize("resample", ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"])
def test_resize_is_pillows_filter(resample: str) -> None:
    x = pixels(13, 11)
    p = Preprocessing(mode="L", mean=(0,), std=(1,), resize=Resize("exact", (8, 20), resample))
    found = to_pixels(x, p, (8, 20, 1))
    expected = Image.fromarray(x).resize((20, 8), getattr(Image.Resampling, resample.upper()))
    np.testing.assert_array_equal(found[..., 0], np.asarray(expected))
    others = set(Image.Resampling) - {getattr(Image.Resampling, resample.upper())}
    assert all(np.any(np.asarray(Image.fromarray(x).resize((20, 8), other)) != found[..., 0]) for other in others)


def test_the_shortest_edge_becomes_n_and_the_longest_follows() -> None:
    for n in (1, 7, 224, 256):
        for short, long in ((1, 1), (28, 28), (333, 500), (480, 641), (256, 257), (3, 1000), (2, 5)):
            longest = math.floor(n * long / short + 0.5)
            resize = Resize("shortest_edge", n, "bilinear")
            assert resized_shape(short, long, resize) == (n, longest)
            assert resized_shape(long, short, resize) == (longest, n)
    assert resized_shape(2, 5, Resize("shortest_edge", 1, "box")) == (1, 3)  # 2.5 goes up
    assert resized_shape(9, 9, Resize("exact", (3, 4), "box")) == (3, 4)


@pytest.mark.parametrize(("height", "width", "top", "left"), [(4, 3, 0, 0), (5, 5, 0, 1), (6, 4, 1, 0), (9, 8, 2, 2)])
def test_crop_is_from_the_centre_rounded_down(height: int, width: int, top: int, left: int) -> None:
    x = pixels(height, width, 3)
    p = Preprocessing(mode="RGB", mean=(0,) * 3, std=(1,) * 3, crop="center")
    np.testing.assert_array_equal(to_pixels(x, p, (4, 3, 3)), x[top : top + 4, left : left + 3])


def test_the_whole_way_by_hand() -> None:
    """A turned 16-bit image: upright first, then 8 bits, then resized by its shortest edge, cropped and scaled."""
    stored = RNG.integers(0, 65536, (20, 31), dtype=np.uint16)
    file, tags = io.BytesIO(), Image.Exif()
    tags[0x0112] = 6
    Image.fromarray(stored).save(file, "PNG", exif=tags)
    resize = Resize("shortest_edge", 12, "bicubic")
    p = Preprocessing(mode="RGB", mean=(10, 20, 30), std=(1, 2, 4), scale=0.5, resize=resize, crop="center")
    upright = np.rint(stored / 257).astype(np.uint8).T[:, ::-1]  # 31 high, 20 wide: 19 (18.6) high, 12 wide
    resized = np.asarray(Image.fromarray(upright).resize((12, 19), Image.Resampling.BICUBIC))
    cut = resized[4 : 4 + 11, 2 : 2 + 8].astype(np.float32)
    expected = np.stack([(cut * 0.5 - mean) / std for mean, std in ((10, 1), (20, 2), (30, 4))], axis=-1)
    found = to_input(file.getvalue(), p, (11, 8, 3))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_same_size_is_left_alone() -> None:
    x = pixels(8, 6)
    np.testing.assert_array_equal(to_pixels(x, GREY, SHAPE)[..., 0], x)


# ----------------------------------------------------------------------------------------------- what does not fit


def test_an_image_of_another_size_without_resize() -> None:
    message = r"an image that becomes \(8, 6, 3\), got \(6, 8, 3\) after preprocessing; resize it first"
    with pytest.raises(InputError, match=message):
        to_input(pixels(6, 8), COLOUR, (8, 6, 3))


@pytest.mark.parametrize("shape", [(7, 6), (8, 5)])
def test_an_image_smaller_than_the_crop(shape: tuple[int, int]) -> None:
    p = Preprocessing(mode="L", mean=(0,), std=(1,), crop="center")
    with pytest.raises(InputError, match=rf"at least 6 x 8 to cut from, got {shape[1]} x {shape[0]}; enlarge"):
        to_input(pixels(*shape), p, SHAPE)


def test_a_long_image_must_not_grow_while_it_is_resized() -> None:
    """Rows are resized before columns: what lies between is as wide as the result and as high as the image."""
    p = Preprocessing(mode="L", mean=(0,), std=(1,), resize=Resize("exact", (28, 28), "bilinear"))
    with pytest.raises(InputError, match=r"got 1 x 5000000, which becomes 28 x 28; cut off some of its long edge"):
        to_input(np.zeros((5_000_000, 1), np.uint8), p, (28, 28, 1))
    assert to_input(np.zeros((1, 5_000_000), np.uint8), p, (28, 28, 1)).shape == (28, 28, 1)


def test_an_image_must_not_grow_without_limit() -> None:
    p = Preprocessing(mode="L", mean=(0,), std=(1,), resize=Resize("exact", (20_000, 20_000), "box"))
    with pytest.raises(InputError, match=r"got 5 x 4, which becomes 20000 x 20000; cut off"):
        to_input(np.zeros((4, 5), np.uint8), p, (20_000, 20_000, 1))


@pytest.mark.parametrize("resample", ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"])
def test_a_thin_image_is_enlarged_only_where_the_crop_keeps_it(resample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    p = Preprocessing(
        mode="RGB", mean=(0,) * 3, std=(1,) * 3, resize=Resize("shortest_edge", 256, resample), crop="center"
    )
    for shape in ((60, 1), (1, 60), (3, 200), (401, 6)):
        x = pixels(*shape, 3)
        height, width = resized_shape(*shape, Resize("shortest_edge", 256, resample))
        whole = Image.fromarray(x).resize((width, height), Image.Resampling[resample.upper()])
        top, left = (height - 224) // 2, (width - 224) // 2
        expected = np.asarray(whole)[top : top + 224, left : left + 224]
        with monkeypatch.context() as patch:
            patch.setattr(Image.Image, "resize", lambda *arguments, **options: pytest.fail("the whole was resized"))
            found = to_pixels(x, p, (224, 224, 3))
        np.testing.assert_array_equal(found, expected)
    assert to_pixels(pixels(1, 3_000_000), p, (224, 224, 3)).shape == (224, 224, 3)


# ------------------------------------------------------------------------------------------------------ real digits

DIGITS = sorted((Path(__file__).parents[2] / "data" / "digits").glob("*.png"))


def test_real_digits_are_there() -> None:
    assert len(DIGITS) >= 50


def test_real_digits() -> None:
    p = Preprocessing(mode="L", mean=(0.13,), std=(1,), scale=1 / 255, resize=Resize("exact", (224, 224), "bilinear"))
    batch, _ = as_batch(DIGITS[:3], (224, 224, 1), p)
    for path, found in zip(DIGITS, batch, strict=False):
        with Image.open(path) as image:
            resized = np.asarray(image.convert("L").resize((224, 224), Image.Resampling.BILINEAR))
        expected = (resized.astype(np.float32) * np.float32(1 / 255) - np.float32(0.13)) / np.float32(1)
        np.testing.assert_array_equal(found[..., 0], expected)
        assert found.max() > 0.5  # ink
        assert np.median(found) < 0  # on an empty ground
