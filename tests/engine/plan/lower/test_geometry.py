"""The stretch of columns that a gather reads as one run."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.plan.lower.geometry import longest_run


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([0, 1, 2, 3], (0, 4, 1)),
        ([5, 6, 7], (0, 3, 1)),
        ([-1, -1, 0, 1, 2, -1], (2, 3, 1)),
        ([2, 1, 0, 1, 2, 3, 2], (2, 4, 1)),
        ([0, 3, 6, 9], (0, 4, 3)),
        ([0, 0, 1, 1, 2, 2], (0, 0, 1)),
        ([0, 64, 1, 65], (0, 2, 64)),
        ([0, 0, 0], (0, 0, 1)),
        ([-1, 0], (0, 0, 1)),
        ([4], (0, 1, 1)),
        ([-1], (0, 0, 1)),
    ],
    ids=str,
)
def test_longest_run(columns: list[int], expected: tuple[int, int, int]) -> None:
    assert longest_run(np.array(columns)) == expected
