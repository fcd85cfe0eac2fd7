"""Constants in the order in which kernels read them: a record says how each is packed, ``pack`` does it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..kernels import fits_fp16, to_bf16, transpose_into
from .layout import LINE, round_up

Allocate = Callable[..., np.ndarray]  # ConstantMemory.zeros(shape, dtype): constants are packed where they stay


class Packing(enum.Enum):
    """What becomes of an array on its way to a kernel."""

    FLOATS = "float32, flat"
    INTEGERS = "int32, flat"
    WORDS = "uint32, flat"
    PANELS = "(k, m) -> (blocks, pairs of m, atoms): words of two bfloat16 numbers, a 0 beside the last of an odd m"
    DENSE = "(n, m) -> (m, lanes), lanes whole cache lines; float16 where that rounds nothing"
    DENSE_BF16 = "the same as bfloat16, uint16"
    DENSE_INT8 = "the same of int8"
    DENSE_BIAS = "(n,) -> (lanes,)"
    CONV = "(n, m/groups, kh, kw) -> (groups, blocks, m/groups, kh, kw, lanes)"
    CONV_PAIRS = "CONV of bfloat16 pairs: two channels side by side in a word, the last of an odd number beside a 0"
    CONV_COLUMN_PAIRS = "the same with two columns of a window in a word"
    CONV_QUADS = "CONV of int8 quads: four channels side by side in a word, of missing ones 0"
    CONV_WINOGRAD = "(n, m, 3, 3) -> (blocks, 16, m, lanes): G W G' of every filter and channel"
    CONV_BIAS = "(n,) -> (groups, blocks, lanes)"


class Constant(NamedTuple):
    """An array that a kernel reads, and how it is packed; ``groups`` and ``lanes`` of a convolution."""

    name: str
    packing: Packing
    array: np.ndarray
    groups: int = 1
    lanes: int = LINE


class PackedConstant(NamedTuple):
    """A constant in its place."""

    name: str
    packing: Packing
    array: np.ndarray

    @property
    def address(self) -> int:
        """Where it lies in memory."""
        return int(self.array.__array_interface__["data"][0])

    def same(self, other: PackedConstant) -> bool:
        """Tell whether both are the same numbers, packed alike, by the same name."""
        alike = self[:2] == other[:2] and self.array.dtype == other.array.dtype
        return alike and np.array_equal(self.array, other.array)


def pack(constant: Constant, zeros: Allocate) -> PackedConstant:
    """Pack ``constant`` where ``zeros`` makes room."""
    return PackedConstant(constant.name, constant.packing, _PACKERS[constant.packing](constant, zeros))


def is_fp16(matrix: np.ndarray) -> bool:
    """Tell whether a matrix of a dense layer is packed as float16: it is that already, or rounds nothing."""
    return matrix.dtype == np.float16 or fits_fp16(matrix)


def balanced_lanes(filters: int, width: int, most: int) -> int:
    """Choose lanes of a block, a multiple of ``width`` up to ``most``, so that blocks of filters are nearly even."""
    vectors = -(-filters // width)
    blocks = -(-vectors // (most // width))
    return -(-vectors // blocks) * width


def _flat(dtype: type) -> Callable[[Constant, Allocate], np.ndarray]:
    def pack_flat(constant: Constant, zeros: Allocate) -> np.ndarray:
        array = constant.array
        packed = zeros((array.size,), dtype)
        packed[:] = array.reshape(-1)
        return packed

    return pack_flat


def _pack_dense(constant: Constant, zeros: Allocate) -> np.ndarray:
    """Pack in float16 where that rounds nothing: the kernel is bound by reading it."""
    kernel = np.ascontiguousarray(constant.array)
    return _transposed(kernel, zeros, np.dtype(np.float16 if is_fp16(kernel) else np.float32))


def _pack_dense_bf16(constant: Constant, zeros: Allocate) -> np.ndarray:
    return _transposed(np.ascontiguousarray(constant.array, np.float32), zeros, np.dtype(np.uint16))


def _transposed(kernel: np.ndarray, zeros: Allocate, dtype: np.dtype[Any], lanes: int = LINE) -> np.ndarray:
    units, length = kernel.shape
    packed = zeros((length, round_up(units, lanes)), dtype)
    transpose_into(packed, kernel)
    return packed


def _pack_dense_int8(constant: Constant, zeros: Allocate) -> np.ndarray:
    return _transposed(np.ascontiguousarray(constant.array), zeros, constant.array.dtype, constant.lanes)


def _pack_dense_bias(constant: Constant, zeros: Allocate) -> np.ndarray:
    packed = zeros((round_up(len(constant.array), constant.lanes),), constant.array.dtype)
    packed[: len(constant.array)] = constant.array
    return packed


def _pack_conv(constant: Constant, zeros: Allocate) -> np.ndarray:
    groups, lanes = constant.groups, constant.lanes
    filters, channels, kh, kw = constant.array.shape
    own = filters // groups
    blocks = -(-own // lanes)
    packed = zeros((groups, blocks, channels, kh, kw, lanes), constant.array.dtype)
    grouped = constant.array.reshape(groups, own, channels, kh, kw)
    for block in range(blocks):
        part = grouped[:, block * lanes : (block + 1) * lanes]
        packed[:, block, ..., : part.shape[1]] = part.transpose(0, 2, 3, 4, 1)
    return packed


def _pack_conv_winograd(constant: Constant, zeros: Allocate) -> np.ndarray:
    values = _winograd_mix(_winograd_mix(constant.array, axis=2), axis=3)
    filters, channels = values.shape[:2]
    return _pack_conv(constant._replace(array=values.reshape(filters, channels, 16, 1).transpose(0, 2, 1, 3)), zeros)


def _winograd_mix(kernel: np.ndarray, axis: int) -> np.ndarray:
    """Make four values of the three along ``axis``: G."""
    first, middle, last = np.moveaxis(kernel, axis, 0)
    half, other = (first + last) / 2, middle / 2
    return np.stack([first, half + other, half - other, last], axis)


def _pack_conv_pairs(axis: int) -> Callable[[Constant, Allocate], np.ndarray]:
    def pack_pairs(constant: Constant, zeros: Allocate) -> np.ndarray:
        return _pack_conv(constant._replace(array=pairs_of(constant.array, axis)), zeros)

    return pack_pairs


def _pack_panels(constant: Constant, zeros: Allocate) -> np.ndarray:
    words = pairs_of(constant.array, axis=1)
    lanes = constant.lanes
    packed = zeros((-(-len(words) // lanes), words.shape[1], lanes), np.uint32)
    for block in range(len(packed)):
        part = words[block * lanes : (block + 1) * lanes]
        packed[block, :, : len(part)] = part.T
    return packed


def pairs_of(array: np.ndarray, axis: int) -> np.ndarray:
    """Round to bfloat16 and put neighbours along ``axis`` side by side in words, uint32."""
    bits = np.moveaxis(to_bf16(array), axis, 0)
    words = np.empty((-(-len(bits) // 2), *bits.shape[1:]), np.uint32)
    words[...] = bits[::2]
    words[: len(bits) // 2] |= bits[1::2].astype(np.uint32) << np.uint32(16)
    return np.moveaxis(words, 0, axis)


def _pack_conv_quads(constant: Constant, zeros: Allocate) -> np.ndarray:
    return _pack_conv(constant._replace(array=quads_of(constant.array, axis=1)), zeros)


def quads_of(array: np.ndarray, axis: int) -> np.ndarray:
    """Put each four int8 along ``axis`` side by side in words, int32, the first in the lowest byte."""
    last = np.moveaxis(array, axis, -1)
    padded = np.zeros((*last.shape[:-1], round_up(last.shape[-1], 4)), np.int8)
    padded[..., : last.shape[-1]] = last
    return np.moveaxis(padded.view("<i4").astype(np.int32), -1, axis)


def _pack_conv_bias(constant: Constant, zeros: Allocate) -> np.ndarray:
    own = len(constant.array) // constant.groups
    packed = zeros((constant.groups, round_up(own, constant.lanes)), constant.array.dtype)
    packed[:, :own] = constant.array.reshape(constant.groups, own)
    return packed


_PACKERS: dict[Packing, Callable[[Constant, Allocate], np.ndarray]] = {
    Packing.FLOATS: _flat(np.float32),
    Packing.INTEGERS: _flat(np.int32),
    Packing.WORDS: _flat(np.uint32),
    Packing.PANELS: _pack_panels,
    Packing.DENSE: _pack_dense,
    Packing.DENSE_BF16: _pack_dense_bf16,
    Packing.DENSE_BIAS: _pack_dense_bias,
    Packing.CONV: _pack_conv,
    Packing.CONV_PAIRS: _pack_conv_pairs(axis=1),
    Packing.CONV_COLUMN_PAIRS: _pack_conv_pairs(axis=3),
    Packing.DENSE_INT8: _pack_dense_int8,
    Packing.CONV_QUADS: _pack_conv_quads,
    Packing.CONV_WINOGRAD: _pack_conv_winograd,
    Packing.CONV_BIAS: _pack_conv_bias,
}
