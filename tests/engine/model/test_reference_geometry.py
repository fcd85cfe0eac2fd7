"""Operations that move values, and resizing, against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.model.reference import OPERATIONS


def image(*rows: list[float]) -> np.ndarray:
    """An image of one channel."""
    return np.array(rows, dtype=np.float32)[..., None]


ROW = image([1, 2, 3])
FOUR = np.arange(4, dtype=np.float32).reshape(1, 1, 4)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("constant", [7, 7, 1, 2, 3, 7, 7]),
        ("reflect", [3, 2, 1, 2, 3, 2, 1]),
        ("symmetric", [2, 1, 1, 2, 3, 3, 2]),
        ("edge", [1, 1, 1, 2, 3, 3, 3]),
    ],
)
def test_padding(mode: str, expected: list[float]) -> None:
    value = {"value": 7.0} if mode == "constant" else {}
    np.testing.assert_array_equal(OPERATIONS["pad2d"](ROW, padding=(0, 0, 2, 2), mode=mode, **value), image(expected))
    turned = OPERATIONS["pad2d"](ROW.transpose(1, 0, 2), padding=(2, 2, 0, 0), mode=mode, **value)
    np.testing.assert_array_equal(turned[:, 0, 0], expected)


def test_the_sides_of_a_padding_and_of_a_crop() -> None:
    padded = OPERATIONS["pad2d"](image([5]), padding=(1, 0, 0, 2))
    np.testing.assert_array_equal(padded, image([0, 0, 0], [5, 0, 0]))
    cropped = OPERATIONS["crop2d"](image([1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]), cropping=(1, 0, 0, 2))
    np.testing.assert_array_equal(cropped, image([5, 6], [9, 10]))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"method": "nearest"}, [1, 1, 1, 2]),  # at -0.25, 0.25, 0.75, 1.25: the first is clamped
        ({"method": "nearest", "rounding": "ceil"}, [1, 2, 2, 2]),
        ({"method": "nearest", "rounding": "round_prefer_floor"}, [1, 1, 2, 2]),
        ({"method": "nearest", "coordinates": "asymmetric"}, [1, 1, 2, 2]),
        ({"method": "nearest", "coordinates": "asymmetric", "rounding": "round_prefer_ceil"}, [1, 2, 2, 2]),
        ({"method": "bilinear"}, [1, 1.25, 1.75, 2]),
        ({"method": "bilinear", "coordinates": "align_corners"}, [1, 4 / 3, 5 / 3, 2]),
        ({"method": "bilinear", "coordinates": "asymmetric"}, [1, 1.5, 2, 2]),
        # Keys' kernel for a = -1/2 is 29/128 at 3/4, -9/128 at 5/4, -3/128 at 7/4; for a = -3/4 67, -27, -9 of 256
        ({"method": "bicubic"}, [1 - 9 / 128, 1 + 26 / 128, 2 - 26 / 128, 2 + 9 / 128]),
        ({"method": "bicubic", "cubic_coefficient": -0.75}, [1 - 27 / 256, 1 + 58 / 256, 2 - 58 / 256, 2 + 27 / 256]),
    ],
    ids=str,
)
def test_two_pixels_made_four(attributes: dict[str, str], expected: list[float]) -> None:
    found = OPERATIONS["resize2d"](image([1, 2]), size=(1, 4), **attributes)
    np.testing.assert_allclose(found, image(expected), rtol=1e-6)


def test_three_pixels_made_two() -> None:
    """At 0.25 and 1.75: between the first two, and the last two."""
    np.testing.assert_allclose(OPERATIONS["resize2d"](ROW, size=(1, 2), method="bilinear"), image([1.25, 2.75]))


def test_rows_and_columns_are_resized() -> None:
    found = OPERATIONS["resize2d"](image([0, 2], [4, 6]), size=(3, 3), method="bilinear", coordinates="align_corners")
    np.testing.assert_allclose(found, image([0, 1, 2], [2, 3, 4], [4, 5, 6]))


def test_blocks_of_pixels() -> None:
    np.testing.assert_array_equal(OPERATIONS["depth_to_space"](FOUR, block_size=2), image([0, 1], [2, 3]))
    np.testing.assert_array_equal(OPERATIONS["space_to_depth"](image([0, 1], [2, 3]), block_size=2), FOUR)
    eight = np.arange(8, dtype=np.float32).reshape(1, 1, 8)  # channels of one pixel stay together
    np.testing.assert_array_equal(OPERATIONS["depth_to_space"](eight, block_size=2)[0, 1], [2, 3])
    np.testing.assert_array_equal(
        OPERATIONS["space_to_depth"](np.arange(8, dtype=np.float32).reshape(2, 2, 2), block_size=2), eight
    )


def test_channels_that_are_taken() -> None:
    found = OPERATIONS["take_channels"](FOUR, indices=np.array([3, 0, 0], np.int32), channels=3)
    np.testing.assert_array_equal(found, [[[3, 0, 0]]])
    found = OPERATIONS["take_channels"](FOUR[0, 0], indices=np.array([2, 1], np.int32), channels=2)
    np.testing.assert_array_equal(found, [2, 1])


def test_shapes_and_axes() -> None:
    x = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    np.testing.assert_array_equal(OPERATIONS["reshape"](x, shape=(3, 1, 2)), [[[0, 1]], [[2, 3]], [[4, 5]]])
    np.testing.assert_array_equal(OPERATIONS["reshape"](x, shape=(6,)), [0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(OPERATIONS["permute"](x, axes=(2, 0, 1)), [[[0, 3]], [[1, 4]], [[2, 5]]])
