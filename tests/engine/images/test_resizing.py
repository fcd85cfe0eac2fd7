"""What a crop keeps of a resized image, against the definition in ``model/resampling.py``."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.errors import InputError
from lcnn_engine.images.preprocessing import resized, to_pixels
from lcnn_engine.images.resizing import resized_part
from lcnn_engine.model import resampling
from lcnn_engine.model.graph import INTERPOLATIONS, Preprocessing, Resize

RNG = np.random.default_rng(6)
SIZES = (((61, 399, 3), (24, 24)), ((61, 39, 1), (200, 301)), ((1, 50, 1), (4, 20)), ((7, 900, 3), (90, 9)))


def pixels(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def image_of(x: np.ndarray) -> Image.Image:
    return Image.fromarray(x[..., 0] if x.shape[2] == 1 else x)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("resample", INTERPOLATIONS)
def test_the_whole_is_as_defined_and_a_part_has_the_same_bits(resample: str, antialias: bool) -> None:
    for shape, size in SIZES:
        x = pixels(*shape)
        whole = resized_part(image_of(x), size, resample, antialias, (0, 0, *size))
        assert whole.dtype == np.float32
        np.testing.assert_allclose(whole, resampling.resize(x, size, resample, antialias), atol=1 / 255, rtol=0)
        top, left = size[0] // 3, size[1] // 4
        part = resized_part(image_of(x), size, resample, antialias, (top, left, size[0] - top - 1, size[1] - left - 1))
        np.testing.assert_array_equal(part, whole[top:-1, left:-1])


@pytest.mark.parametrize("policy", ["exact", "shortest_edge", "crop_to_aspect_ratio"])
def test_preprocessing_cuts_what_resizing_gives(policy: str) -> None:
    size = 20 if policy == "shortest_edge" else (20, 24)
    rule = Resize(policy, size, "bicubic", antialias=False)
    for shape in ((37, 41, 3), (90, 30, 3), (20, 110, 3)):
        x = pixels(*shape)
        whole = resized(x, rule)
        top, left = (whole.shape[0] - 16) // 2, (whole.shape[1] - 18) // 2
        p = Preprocessing(mode="RGB", mean=(0,) * 3, std=(1,) * 3, resize=rule, crop="center")
        found = to_pixels(x, p, (16, 18, 3))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, whole[top : top + 16, left : left + 18])


@pytest.mark.parametrize("antialias", [True, False])
def test_an_aspect_ratio_is_cut_before_resizing(antialias: bool) -> None:
    """The part is that of ``keras.utils.image_dataset_from_directory(crop_to_aspect_ratio=True)``."""
    for shape, (top, left, height, width) in (
        ((50, 31), (17, 0, 15, 31)),
        ((50, 300), (0, 100, 50, 100)),
        ((1, 9), (0, 3, 1, 2)),
        ((9, 1), (4, 0, 1, 1)),
    ):
        x = pixels(*shape, 3)
        cut = x[top : top + height, left : left + width]
        found = resized(x, Resize("crop_to_aspect_ratio", (8, 16), "bilinear", antialias))
        np.testing.assert_array_equal(found, resized(cut, Resize("exact", (8, 16), "bilinear", antialias)))


def test_an_image_that_does_not_become_the_input_is_refused_before_it_is_made() -> None:
    p = Preprocessing(mode="L", mean=(0,), std=(1,), resize=Resize("shortest_edge", 256, "bilinear", antialias=False))
    with pytest.raises(InputError, match=r"becomes \(256, 256, 1\), got \(256, 768000000, 1\) after preprocessing"):
        to_pixels(pixels(1, 3_000_000), p, (256, 256, 1))


def test_what_cannot_be_made() -> None:
    with pytest.raises(InputError, match=r"got 5 x 4, which becomes 20000 x 20000; cut off"):
        resized(pixels(4, 5, 1), Resize("exact", (20_000, 20_000), "area"))
    for resample in ("area", "lanczos5"):
        with pytest.raises(InputError, match=r"no less than 1/1024 of an edge, got 1 x 2049, .*; cut off"):
            resized(pixels(2049, 1, 1), Resize("exact", (2, 1), resample))
    assert resized(pixels(2049, 1, 1), Resize("exact", (2, 1), "bilinear", antialias=False)).shape == (2, 1, 1)


@pytest.mark.parametrize("resample", INTERPOLATIONS)
def test_memory_is_that_of_what_is_kept(resample: str) -> None:
    p = Preprocessing(
        mode="RGB", mean=(0,) * 3, std=(1,) * 3, resize=Resize("shortest_edge", 256, resample), crop="center"
    )
    if resample in ("nearest", "bilinear", "bicubic"):
        p = Preprocessing(**{**vars(p), "resize": Resize("shortest_edge", 256, resample, antialias=False)})
    thin = image_of(pixels(1, 100_000, 3))
    tracemalloc.start()
    try:
        assert to_pixels(thin, p, (224, 224, 3)).shape == (224, 224, 3)
        assert tracemalloc.get_traced_memory()[1] < 20e6, "expected less than a hundredth of the whole, 26 GB"
    finally:
        tracemalloc.stop()
