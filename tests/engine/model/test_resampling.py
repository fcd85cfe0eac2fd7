"""The filters that equal TensorFlow's, by hand: a few pixels whose values are known, and what every filter keeps."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.model.graph import INTERPOLATIONS
from lcnn_engine.model.resampling import resize, taps

ROW = np.array([[0, 100, 40, 200]], np.uint8)[..., None]


def resized(width: int, resample: str, antialias: bool = False) -> list[float]:
    return [round(value, 3) for value in resize(ROW, (1, width), resample, antialias)[0, :, 0].tolist()]


def test_by_hand() -> None:
    assert resized(2, "nearest") == [100, 200]  # at 1 and 3
    assert resized(8, "nearest") == [0, 0, 100, 100, 40, 40, 200, 200]
    assert resized(2, "bilinear") == [50, 120]  # at 0.5 and 2.5: the pixels beside
    assert resized(1, "bilinear") == [70]  # at 1.5: two of the four
    assert resized(8, "bilinear") == [0, 25, 75, 85, 55, 80, 160, 200]
    assert resized(2, "bicubic") == [
        round((-0 + 9 * 0 + 9 * 100 - 40) / 17, 3),  # what would be left of the edge has no weight
        round((-100 + 9 * 40 + 9 * 200) / 17, 3),
    ]
    assert resized(3, "area") == [25, round((2 * 100 + 2 * 40) / 4, 3), round((40 + 3 * 200) / 4, 3)]
    assert resized(1, "area") == [85]
    assert resized(2, "triangle", antialias=True) == [
        round((3 * 0 + 3 * 100 + 40) / 7, 3),  # distances 1/4, 1/4, 3/4 of the kernel's two pixels
        round((100 + 3 * 40 + 3 * 200) / 7, 3),
    ]
    assert resized(8, "triangle", antialias=True) == resized(8, "bilinear")


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("resample", INTERPOLATIONS)
def test_weights_are_shares_of_pixels_that_are_there(resample: str, antialias: bool) -> None:
    for length, resized in ((1, 9), (9, 1), (7, 300), (300, 7), (4001, 224), (50, 50)):
        places, weights = taps(length, resized, resample, antialias)
        assert (places.shape, places.dtype, weights.dtype) == (weights.shape, np.int64, np.float32)
        assert len(places) == resized
        assert places.min() >= 0
        assert places.max() < length
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=2e-3 if resample == "area" else 1e-5)
        part = taps(length, resized, resample, antialias, resized // 3, resized - resized // 3)
        row = np.random.default_rng(0).integers(0, 256, length)
        np.testing.assert_array_equal(
            (row[part[0]] * part[1]).sum(axis=1), (row[places] * weights).sum(axis=1)[resized // 3 :]
        )


@pytest.mark.parametrize("resample", INTERPOLATIONS)
def test_the_same_size_keeps_every_value(resample: str) -> None:
    x = np.random.default_rng(1).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    np.testing.assert_allclose(resize(x, (9, 14), resample, True), x, atol=1e-3)
