"""Every packing against the loop that its name says."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.kernels import transpose_into
from lcnn_engine.model.bfloat16 import round_to_bfloat16
from lcnn_engine.plan.packing import Constant, PackedConstant, Packing, balanced_lanes, pack

RNG = np.random.default_rng(0)


def packed(packing: Packing, array: np.ndarray, groups: int = 1, lanes: int = 1) -> np.ndarray:
    def zeros(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
        return np.zeros(shape, dtype)

    return pack(Constant("constant", packing, array, groups, lanes), zeros).array


def test_flat() -> None:
    array = RNG.integers(0, 100, (3, 4, 5))
    for packing, dtype in ((Packing.FLOATS, np.float32), (Packing.INTEGERS, np.int32)):
        found = packed(packing, array)
        assert found.dtype == dtype
        assert found.tolist() == array.ravel().tolist()


@pytest.mark.parametrize("units", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("exact", [False, True])
def test_dense_is_transposed_and_padded_to_lines(units: int, exact: bool) -> None:
    kernel = RNG.standard_normal((units, 7)).astype(np.float16 if exact else np.float32).astype(np.float32)
    found = packed(Packing.DENSE, kernel)
    assert found.dtype == (np.float16 if exact else np.float32)
    assert found.shape == (7, -(-units // 16) * 16)
    assert np.array_equal(found[:, :units], kernel.T)
    assert not found[:, units:].any()
    bias = packed(Packing.DENSE_BIAS, np.arange(1, units + 1), lanes=16)
    assert bias.tolist() == [*range(1, units + 1), *[0] * (found.shape[1] - units)]


@pytest.mark.parametrize(("groups", "own", "lanes"), [(1, 5, 4), (2, 8, 8), (3, 9, 4)])
def test_filters_of_a_convolution_lie_side_by_side(groups: int, own: int, lanes: int) -> None:
    kernel = RNG.standard_normal((groups * own, 2, 3, 2)).astype(np.float32)
    found = packed(Packing.CONV, kernel, groups, lanes)
    bias = packed(Packing.CONV_BIAS, np.arange(1, groups * own + 1), groups, lanes).reshape(groups, -1)
    assert found.shape == (groups, -(-own // lanes), 2, 3, 2, lanes)
    for group in range(groups):
        for place in range(found.shape[1] * lanes):
            block, lane = divmod(place, lanes)
            filter_ = group * own + place
            there = found[group, block, ..., lane]
            assert np.array_equal(there, kernel[filter_] if place < own else np.zeros_like(there))
            assert bias[group, place] == (filter_ + 1 if place < own else 0)


def test_filters_by_windows_are_transformed() -> None:
    """G W G', of whole numbers exact."""
    mix = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    kernel = RNG.integers(-9, 9, (5, 3, 3, 3)).astype(np.float32)
    found = packed(Packing.CONV_WINOGRAD, kernel, lanes=4)
    assert found.shape == (1, 2, 16, 3, 1, 4)
    for filter_ in range(8):
        there = found[0, filter_ // 4, :, :, 0, filter_ % 4]
        for channel in range(3):
            expected = mix @ kernel[filter_, channel] @ mix.T if filter_ < 5 else np.zeros((4, 4))
            assert there[:, channel].reshape(4, 4).tolist() == expected.tolist()


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_channels_of_a_convolution_in_bfloat16_are_words_of_two(channels: int) -> None:
    kernel = RNG.standard_normal((5, channels, 3, 2)).astype(np.float32)
    found = packed(Packing.CONV_PAIRS, kernel, 1, 4)
    assert (found.dtype, found.shape) == (np.uint32, (1, 2, -(-channels // 2), 3, 2, 4))
    values = values_of(found)[0]
    for filter_ in range(8):
        for channel in range(values.shape[1] * 2):
            there = values[filter_ // 4, channel // 2, :, :, filter_ % 4, channel % 2]
            here = filter_ < 5 and channel < channels
            assert np.array_equal(there, round_to_bfloat16(kernel[filter_, channel]) if here else np.zeros((3, 2)))


def values_of(words: np.ndarray) -> np.ndarray:
    """The two numbers of each word, on a last axis."""
    return (words.view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(*words.shape, 2)


@pytest.mark.parametrize("columns", [1, 4, 5])
def test_columns_of_a_convolution_in_bfloat16_are_words_of_two(columns: int) -> None:
    kernel = RNG.standard_normal((3, 2, 3, columns)).astype(np.float32)
    found = packed(Packing.CONV_COLUMN_PAIRS, kernel, 1, 4)
    assert (found.dtype, found.shape) == (np.uint32, (1, 1, 2, 3, -(-columns // 2), 4))
    values = values_of(found)[0, 0].transpose(3, 0, 1, 2, 4).reshape(4, 2, 3, -1)
    assert np.array_equal(values[:3, ..., :columns], round_to_bfloat16(kernel))
    assert not values[3].any()
    assert not values[..., columns:].any()


@pytest.mark.parametrize(("k", "m"), [(1, 1), (8, 4), (9, 5)])
def test_atoms_of_a_dictionary_in_bfloat16_lie_side_by_side(k: int, m: int) -> None:
    D = RNG.standard_normal((k, m)).astype(np.float32)
    found = packed(Packing.PANELS, D, lanes=8)
    assert found.shape == (-(-k // 8), -(-m // 2), 8)
    values = values_of(found).transpose(0, 2, 1, 3).reshape(-1, found.shape[1] * 2)
    assert np.array_equal(values[:k, :m], round_to_bfloat16(D))
    assert not values[k:].any()
    assert not values[:, m:].any()


def test_dense_in_bfloat16_is_transposed_and_padded_to_lines() -> None:
    kernel = RNG.standard_normal((17, 5)).astype(np.float32)
    found = packed(Packing.DENSE_BF16, kernel)
    assert (found.dtype, found.shape) == (np.uint16, (5, 32))
    values = (found.astype(np.uint32) << 16).view(np.float32)
    assert np.array_equal(values[:, :17], round_to_bfloat16(kernel).T)
    assert not found[:, 17:].any()


@pytest.mark.parametrize("channels", [1, 3, 4, 6])
def test_channels_of_a_convolution_in_int8_are_words_of_four(channels: int) -> None:
    kernel = RNG.integers(-127, 128, (5, channels, 3, 2), dtype=np.int8)
    found = packed(Packing.CONV_QUADS, kernel, 1, 4)
    assert (found.dtype, found.shape) == (np.int32, (1, 2, -(-channels // 4), 3, 2, 4))
    values = found[0].view(np.int8).reshape(2, -1, 3, 2, 4, 4)
    for filter_ in range(8):
        for channel in range(values.shape[1] * 4):
            there = values[filter_ // 4, channel // 4, :, :, filter_ % 4, channel % 4]
            here = filter_ < 5 and channel < channels
            assert np.array_equal(there, kernel[filter_, channel] if here else np.zeros((3, 2)))


@pytest.mark.parametrize("units", [1, 63, 64, 65])
def test_dense_in_int8_is_padded_to_lines_of_bytes(units: int) -> None:
    kernel = RNG.integers(-127, 128, (units, 7), dtype=np.int8)
    found = packed(Packing.DENSE_INT8, kernel, lanes=64)
    assert (found.dtype, found.shape) == (np.int8, (7, -(-units // 64) * 64))
    assert np.array_equal(found[:, :units], kernel.T)
    assert not found[:, units:].any()
    sums = packed(Packing.DENSE_BIAS, np.arange(1, units + 1, dtype=np.int32), lanes=64)
    assert sums.dtype == np.int32
    assert sums.tolist() == [*range(1, units + 1), *[0] * (found.shape[1] - units)]


def test_blocks_of_filters_are_nearly_even() -> None:
    assert balanced_lanes(64, 16, 64) == 64
    assert balanced_lanes(65, 16, 64) == 48
    assert balanced_lanes(3, 16, 64) == 16


def test_constants_are_the_same_by_their_numbers() -> None:
    one = PackedConstant("a", Packing.FLOATS, np.zeros(3, np.float32))
    assert one.same(one._replace(array=np.zeros(3, np.float32)))
    for other in (
        one._replace(name="b"),
        one._replace(array=np.ones(3, np.float32)),
        one._replace(array=np.zeros(3, np.int32)),
    ):
        assert not one.same(other)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float32])
@pytest.mark.parametrize(("units", "length"), [(1, 1), (15, 16), (64, 64), (65, 63), (130, 200), (0, 5), (3, 0)])
def test_a_transpose_fills_its_columns_alone(dtype: type, units: int, length: int) -> None:
    matrix = RNG.integers(1, 100, (units, length)).astype(dtype)
    target = np.full((length, units + 3), 101, dtype)
    transpose_into(target, matrix)
    assert np.array_equal(target[:, :units], matrix.T)
    assert (target[:, units:] == 101).all()


def test_a_transpose_that_has_no_room_is_refused() -> None:
    for target in (np.zeros((4, 2), np.float32), np.zeros((3, 3), np.float32), np.zeros((4, 3), np.float64)):
        with pytest.raises(ValueError, match="to hold the transpose"):
            transpose_into(target, np.ones((3, 4), np.float32))
    for matrix, into in ((np.ones((3, 4), np.int32), np.float16), (np.ones((3, 4)), np.float64)):
        with pytest.raises(ValueError, match="to hold the transpose"):
            transpose_into(np.zeros((4, 3), into), matrix)
