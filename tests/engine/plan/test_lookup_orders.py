"""Orders of lookups: nothing is lost, and entries stand where kernels look for them."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.plan.lookup_orders import (
    Lookups,
    entries_of_rows,
    lanes_side_by_side,
    rows_by_length,
    rows_in_parts,
    shared_groups,
)

RNG = np.random.default_rng(0)
COUNTS = RNG.integers(0, 9, 24)
INDPTR = np.concatenate([[0], np.cumsum(COUNTS)])
NNZ = int(INDPTR[-1])
ROW = np.repeat(np.arange(24), COUNTS)


def test_a_dense_kernel_as_lookups_is_that_kernel() -> None:
    kernel = RNG.standard_normal((6, 2, 3, 2)).astype(np.float32)
    lookups = Lookups.from_kernel(kernel, groups=3)
    found = np.zeros((6, 6, 3, 2), np.float32)  # over all input channels
    filters = np.repeat(np.arange(6), np.diff(lookups.indptr))
    found[filters, lookups.atom, lookups.tap_row, lookups.tap_column] = lookups.coefficients
    for filter_ in range(6):
        first = filter_ // 2 * 2
        assert np.array_equal(found[filter_, first : first + 2], kernel[filter_])
    assert np.count_nonzero(found) == np.count_nonzero(kernel)


def test_indices_of_the_file_are_row_column_and_atom() -> None:
    lookups = Lookups.from_csr(np.array([0, 2]), np.array([0, 5 * 7 + 3]), np.ones(2, np.float32), kernel_w=3, atoms=7)
    assert (lookups.tap_row.tolist(), lookups.tap_column.tolist(), lookups.atom.tolist()) == ([0, 1], [0, 2], [0, 3])


@pytest.mark.parametrize(("blocks", "alignments"), [(1, 1), (3, 1), (1, 4), (3, 4)])
def test_parts_hold_each_entry_once(blocks: int, alignments: int) -> None:
    block, alignment = RNG.integers(0, blocks, NNZ), RNG.integers(0, alignments, NNZ)
    indptr, entries = rows_in_parts(INDPTR, block, alignment, blocks, alignments)
    assert sorted(entries.tolist()) == list(range(NNZ))
    for b in range(blocks):
        for row in range(24):
            for a in range(alignments):
                part = (b * 24 + row) * alignments + a
                there = entries[indptr[part] : indptr[part + 1]]
                assert all((ROW[e], block[e], alignment[e]) == (row, b, a) for e in there)


@pytest.mark.parametrize(("blocks", "per_unit"), [(1, 24), (2, 8), (3, 24)])
def test_rows_of_a_unit_and_block_get_longer(blocks: int, per_unit: int) -> None:
    block = RNG.integers(0, blocks, NNZ)
    indptr, row_of, entries = rows_by_length(INDPTR, block, blocks, per_unit)
    lengths = np.diff(indptr).reshape(24 // per_unit, blocks, per_unit)
    assert (np.diff(lengths, axis=2) >= 0).all()
    assert np.array_equal(ROW[entries], np.repeat(row_of, np.diff(indptr)))


@pytest.mark.parametrize("width", [4, 16])
def test_entries_that_all_lanes_have_lie_lane_beside_lane(width: int) -> None:
    counts = np.sort(COUNTS)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    entries = lanes_side_by_side(indptr, width)
    at = 0
    for first in range(0, 24, width):
        rows = range(first, min(first + width, 24))
        common = counts[first] if len(rows) == width else 0
        for number in range(common):
            for row in rows:
                assert entries[at] == indptr[row] + number
                at += 1
        for row in rows:
            for number in range(common, counts[row]):
                assert entries[at] == indptr[row] + number
                at += 1
    assert at == len(entries)


def csr(*rows: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.cumsum([0, *map(len, rows)]), np.array([offset for row in rows for offset in row], np.int64)


def test_entries_of_some_rows_in_another_order() -> None:
    indptr, entries = entries_of_rows(INDPTR, np.array([5, 2, 2]))
    assert np.array_equal(np.diff(indptr), COUNTS[[5, 2, 2]])
    assert np.array_equal(ROW[entries], np.repeat([5, 2, 2], COUNTS[[5, 2, 2]]))


def test_rows_with_the_same_lists_are_grouped_wherever_they_stand() -> None:
    groups, alone = shared_groups(*csr([1, 2], [3], [1, 2], [], [1, 2], [3], [1, 2], [], [2, 1]), lanes=3, fewest=2)
    assert sorted(groups.tolist()) == [[0, 2, 4], [1, 5, -1]]  # row 6 would be alone in its group
    assert alone.tolist() == [3, 6, 7, 8]


def test_no_rows_and_rows_that_share_nothing() -> None:
    for rows in ([[]], [[], [], []], [[1], [2], [1, 2]]):
        groups, alone = shared_groups(*csr(*rows), lanes=16, fewest=2)
        assert groups.shape == (0, 16)
        assert alone.tolist() == list(range(len(rows)))


def test_lists_whose_keys_agree_by_chance_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lcnn_engine.plan.lookup_orders._mixed", lambda offsets: np.zeros(len(offsets), np.uint64))
    groups, alone = shared_groups(*csr([1, 2], [1, 2], [3, 4], [5], [3, 4], [3, 4]), lanes=4, fewest=2)
    assert groups.tolist() == [[0, 1, -1, -1]]
    assert alone.tolist() == [2, 3, 4, 5]  # a chance of one in 2^64 is paid with speed, never with a wrong result
