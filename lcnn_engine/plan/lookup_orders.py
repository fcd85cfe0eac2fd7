"""The lookups of one layer as plain arrays, and the orders in which kernels walk them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .packing import pairs_of


class Lookups(NamedTuple):
    """The paper's I and C of one layer: for each filter its lookups, in CSR order.

    ``tap_row``, ``tap_column`` and ``atom`` (nnz,) say where each lookup reads; ``indptr`` (n+1,) int32 and
    ``coefficients`` (nnz,) float32 are the model file's; or words of two bfloat16 numbers, uint32, of pairs of atoms.
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
        """Read the model file's arrays, where index = (row * kernel_w + column) * atoms + atom."""
        tap, atom = np.divmod(indices.astype(np.int64), atoms)
        row, column = np.divmod(tap, kernel_w)
        return cls(indptr, row, column, atom, coefficients)

    def in_pairs(self) -> Lookups:
        """Join lookups of atoms 2d and 2d + 1, which stand side by side, to one of pair d, coefficients to words."""
        indptr, tap_row, tap_column, atom, coefficients = self
        words = pairs_of(coefficients, axis=0)
        return Lookups(indptr // 2, tap_row[::2], tap_column[::2], atom[::2] // 2, words)

    def of_filters(self, filters: np.ndarray) -> tuple[Lookups, np.ndarray]:
        """Take those of ``filters`` (n,) alone, and tell where each was, (nnz,)."""
        indptr, entries = entries_of_rows(self.indptr, filters)
        taken = (array[entries] for array in self[1:])
        return Lookups(indptr.astype(np.int32), *taken), entries

    @classmethod
    def from_kernel(cls, kernel: np.ndarray, groups: int) -> Lookups:
        """Write a dense kernel (n, m/groups, kh, kw) as lookups of single channels: every tap of every input is one."""
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


def entries_of_rows(indptr: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take ``rows`` of a CSR matrix, in that order: their ``indptr`` (len(rows)+1,), and where each entry was."""
    counts = np.diff(indptr)[rows].astype(np.int64)
    taken = np.concatenate([[0], np.cumsum(counts)])
    return taken, np.arange(taken[-1]) + np.repeat(indptr[rows] - taken[:-1], counts)


def shared_groups(indptr: np.ndarray, offsets: np.ndarray, lanes: int, fewest: int) -> tuple[np.ndarray, np.ndarray]:
    """Find rows of a CSR matrix whose ``offsets`` (nnz,) are the same, list for list.

    Gives groups of them (g, ``lanes``), -1 behind the last of a group that has fewer, no group of under ``fewest``;
    and the other rows (r,). Rows without an entry share nothing.
    """
    counts = np.diff(indptr)
    groups, grouped = [], np.zeros(len(counts), bool)
    kind = _kinds_of_rows(indptr, offsets, fewest)
    of_kind, sizes = np.unique(kind[counts > 0], return_counts=True)
    for value in of_kind[sizes >= fewest]:
        rows = np.flatnonzero((kind == value) & (counts > 0))
        for first in range(0, len(rows), lanes):
            part = rows[first : first + lanes]
            if len(part) >= fewest:
                groups.append(np.pad(part, (0, lanes - len(part)), constant_values=-1))
                grouped[part] = True
    return np.array(groups, np.int64).reshape(-1, lanes), np.flatnonzero(~grouped)


def _kinds_of_rows(indptr: np.ndarray, offsets: np.ndarray, fewest: int) -> np.ndarray:
    """Number the rows of a CSR matrix so that two have one number only where they have the same ``offsets``.

    Where no ``fewest`` rows look the same, each may have its own.
    """
    counts = np.diff(indptr)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mixed(offsets), dtype=np.uint64)])
    keys = sums[indptr[1:]] - sums[indptr[:-1]] + _mixed(counts)
    _, first, kind, sizes = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    rows = np.arange(len(counts))
    if max(sizes, default=0) < fewest:
        return rows
    # Sums of two lists may agree by chance: who is not like the first of its kind gets a number of its own.
    other = counts[first[kind]] != counts
    _, theirs = entries_of_rows(indptr, np.where(other, rows, first[kind]))
    other[np.repeat(rows, counts)[offsets != offsets[theirs]]] = True
    kind[other] = len(first) + np.arange(np.count_nonzero(other))
    return kind


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Make numbers, uint64 of the same shape, whose sums tell sets apart."""
    mixed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)


def rows_by_length(
    indptr: np.ndarray, block: np.ndarray, blocks: int, per_unit: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split the rows of a CSR matrix into ``blocks``, ``block`` (nnz,) being that of each entry, and sort them.

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
    """Put entries of CSR rows, which get longer from row to row, in the order of the gathering kernel (see calls.h).

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
    indptr: np.ndarray, block: np.ndarray, alignment: np.ndarray, blocks: int, alignments: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sort the rows of a CSR matrix whose entries belong to ``block`` and ``alignment`` (nnz,).

    All rows of the first block, then of the next, each row alignment by alignment: the new ``indptr``
    (blocks * n * alignments + 1,), and where each entry was before (nnz,).
    """
    rows = len(indptr) - 1
    row = np.repeat(np.arange(rows), np.diff(indptr))
    key = (block * rows + row) * alignments + alignment
    counts = np.bincount(key, minlength=blocks * rows * alignments)
    return np.concatenate([[0], np.cumsum(counts)]), np.argsort(key, kind="stable")
