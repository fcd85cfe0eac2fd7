"""A part of an enlarged image equals the same part cut from the whole, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.images.enlarging import enlarged_part

RNG = np.random.default_rng(5)
FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")


@pytest.mark.parametrize("resample", FILTERS)
@pytest.mark.parametrize(
    ("source", "size"),
    [
        ((1, 2000), (64, 128_000)),
        ((2000, 1), (128_000, 64)),
        ((3, 1000), (64, 21_333)),
        ((7, 411), (50, 2936)),
        ((411, 7), (2936, 50)),
        ((50, 60), (301, 360)),
        ((30, 20), (30, 700)),
        ((5, 5), (1001, 999)),
    ],
    ids=str,
)
def test_a_part_equals_the_whole_there(resample: str, source: tuple[int, int], size: tuple[int, int]) -> None:
    for channels in ((), (3,)):
        extreme = RNG.choice(np.array([0, 255, 100, 3], np.uint8), (source[1], source[0], *channels))
        image = Image.fromarray(extreme)
        whole = np.asarray(image.resize(size, Image.Resampling[resample.upper()]))
        width, height = min(size[0], 40), min(size[1], 300)
        for left, top in (
            (0, 0),
            (size[0] - width, size[1] - height),
            ((size[0] - width) // 2, (size[1] - height) // 2),
            ((size[0] - width) // 3, (size[1] - height) // 3),
        ):
            part = np.asarray(enlarged_part(image, size, resample, left, top, width, height))
            np.testing.assert_array_equal(part, whole[top : top + height, left : left + width])


@pytest.mark.parametrize("resample", FILTERS)
def test_a_part_of_what_is_too_large_to_be_made(resample: str) -> None:
    image = Image.fromarray(np.repeat(np.arange(100, dtype=np.uint8), 30_000)[None])
    part = np.asarray(enlarged_part(image, (768_000_000, 256), resample, 384_000_000 - 112, 16, 224, 224))
    assert part.shape == (224, 224)
    assert set(part.flat) == {49, 50} or set(part.flat) == {49} or set(part.flat) == {50}
