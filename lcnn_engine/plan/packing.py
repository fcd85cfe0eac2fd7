"""Weights in the order in which kernels read them, and lookups as plain offsets into S."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..kernels import halves
from .memory import LINE, round_up

Allocate = Callable[..., np.ndarray]  # Program.zeros(shape, dtype): weights are packed where they stay


def padded(array: np.ndarray, size: int) -> np.ndarray:
    """``array`` with zeros behind it along its first axis, ``size`` long."""
    result = np.zeros((size, *array.shape[1:]), np.float32)
    result[: len(array)] = array
    return result


def balanced_lanes(filters: int, width: int, most: int) -> int:
    """Lanes of a block (a multiple of ``width``, at most ``most``) so that blocks of ``filters`` are nearly even."""
    vectors = -(-filters // width)
    blocks = -(-vectors // (most // width))
    return -(-vectors // blocks) * width


def pack_dense(kernel: np.ndarray, bias: np.ndarray | None, zeros: Allocate) -> tuple[np.ndarray, np.ndarray]:
    """Kernel (n, m) -> (m, lanes), where ``zeros`` makes room, and bias -> (lanes,); lanes are whole cache lines.

    In float16 where that rounds nothing: the kernel is bound by reading it."""
    units, length = kernel.shape
    lanes = round_up(units, LINE)
    halved = halves(kernel)
    kernel = kernel if halved is None else halved
    weights = zeros((length, lanes), kernel.dtype)
    for first in range(0, units, LINE):  # a line at a time: rows that lie a power of two apart share one cache set
        part = kernel[first : first + LINE]
        weights[:, first : first + len(part)] = part.T
    return weights, padded(np.zeros(0, np.float32) if bias is None else bias, lanes)


def pack_conv(
    kernel: np.ndarray, bias: np.ndarray | None, groups: int, lanes: int, zeros: Allocate
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel (n, m/groups, kh, kw) -> (groups, blocks, m/groups, kh, kw, lanes), where ``zeros`` makes room, and bias
    -> (groups, blocks, lanes)."""
    filters, channels, kh, kw = kernel.shape
    own = filters // groups
    blocks = -(-own // lanes)
    weights = zeros((groups, blocks, channels, kh, kw, lanes))
    grouped = kernel.reshape(groups, own, channels, kh, kw)
    for block in range(blocks):
        part = grouped[:, block * lanes : (block + 1) * lanes]
        weights[:, block, ..., : part.shape[1]] = part.transpose(0, 2, 3, 4, 1)
    offsets = np.zeros((groups, blocks * lanes), np.float32)
    if bias is not None:
        offsets[:, :own] = bias.reshape(groups, own)
    return weights, offsets.reshape(groups, blocks, lanes)


def tap_offsets(
    channels: int, plane: int, kernel_size: tuple[int, int], dilation: tuple[int, int], row: int
) -> np.ndarray:
    """From a pixel to where each tap of a window at it reads, (channels, kh, kw), in planes and rows of these sizes."""
    channel, r, c = np.indices((channels, *kernel_size))
    return (channel * plane + r * dilation[0] * row + c * dilation[1]).astype(np.int32)


def rows_by_length(
    indptr: np.ndarray, block: np.ndarray, blocks: int, per_unit: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of a CSR matrix, cut into ``blocks``, ``block`` (nnz,) being that of each entry.

    Of ``per_unit`` rows after the other, block by block, those rows from the shortest there to the longest: the new
    ``indptr`` (n * blocks + 1,), which row each was (n * blocks,), and where each entry was before (nnz,).
    """
    rows = len(indptr) - 1
    row = np.repeat(np.arange(rows), np.diff(indptr))
    lengths = np.bincount(row * blocks + block, minlength=rows * blocks)
    of_row, of_block = np.divmod(np.arange(rows * blocks), blocks)
    order = np.lexsort((of_row, lengths, of_block, of_row // per_unit))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    entries = np.argsort(place[row * blocks + block], kind="stable")
    return np.concatenate([[0], np.cumsum(lengths[order])]), of_row[order], entries


def lanes_side_by_side(indptr: np.ndarray, width: int) -> np.ndarray:
    """Entries of CSR rows, which get longer from row to row, in the order of the gathering kernel (see steps.h).

    Of every ``width`` rows first what all have, entry by entry, then the rest, row by row: where each was, (nnz,).
    """
    counts = np.diff(indptr)
    rows = np.arange(len(counts))
    first = rows // width * width  # row of each block of rows
    common = np.where(first + width <= len(counts), counts[first], 0)  # the last rows, fewer than `width`, have none
    row = np.repeat(rows, counts)
    number = np.arange(indptr[-1]) - indptr[row]
    together = indptr[first][row] + number * width + (rows - first)[row]
    alone = (indptr[:-1] + (first + width - rows - 1) * common)[row] + number
    entries = np.empty(len(row), np.int64)
    entries[np.where(number < common[row], together, alone)] = np.arange(len(row))
    return entries


def rows_in_parts(
    indptr: np.ndarray, block: np.ndarray, group: np.ndarray, blocks: int, groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a CSR matrix whose entries belong to ``block`` and ``group`` (nnz,).

    All rows of the first block, then of the next, each row group by group: the new ``indptr``
    (blocks * n * groups + 1,), and where each entry was before (nnz,).
    """
    rows = len(indptr) - 1
    row = np.repeat(np.arange(rows), np.diff(indptr))
    key = (block * rows + row) * groups + group
    counts = np.bincount(key, minlength=blocks * rows * groups)
    return np.concatenate([[0], np.cumsum(counts)]), np.argsort(key, kind="stable")


@dataclass(frozen=True)
class Lookups:
    """The paper's I and C of one layer: for each filter its lookups, in CSR order.

    ``tap_row``, ``tap_column`` and ``atom`` (nnz,) say where each lookup reads; ``indptr`` (n+1,) int32 and
    ``coefficients`` (nnz,) float32 are the model file's.
    """

    indptr: np.ndarray
    tap_row: np.ndarray
    tap_column: np.ndarray
    atom: np.ndarray
    coefficients: np.ndarray

    @classmethod
    def from_csr(
        cls, indptr: np.ndarray, indices: np.ndarray, coefficients: np.ndarray, kernel_w: int, atoms: int
    ) -> Lookups:
        """From the model file's arrays, where index = (row * kernel_w + column) * atoms + atom."""
        tap, atom = np.divmod(indices.astype(np.int64), atoms)
        row, column = np.divmod(tap, kernel_w)
        return cls(indptr, row, column, atom, coefficients)

    @classmethod
    def from_kernel(cls, kernel: np.ndarray, groups: int) -> Lookups:
        """A dense kernel (n, m/groups, kh, kw) as lookups of single channels: every tap of every input is one."""
        filters, channels, kh, kw = kernel.shape
        group = np.arange(filters)[:, None] // (filters // groups)
        row, column, channel = (axis.ravel() for axis in np.indices((kh, kw, channels)))
        return cls(
            indptr=np.arange(filters + 1, dtype=np.int32) * (channels * kh * kw),
            tap_row=np.tile(row, filters),
            tap_column=np.tile(column, filters),
            atom=(group * channels + channel).ravel(),
            coefficients=kernel.transpose(0, 2, 3, 1).ravel(),
        )
