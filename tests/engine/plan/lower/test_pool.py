"""Pools: how many columns hold a padded row and all windows on it."""

from __future__ import annotations

import pytest

from lcnn_engine.model.graph import MaxPool2D
from lcnn_engine.plan.lower.pool import pool_span


@pytest.mark.parametrize(
    ("width", "size", "stride", "left", "right", "span"),
    [(8, 2, 2, 0, 0, 8), (9, 2, 2, 0, 0, 9), (8, 3, 1, 1, 1, 10), (7, 3, 2, 1, 1, 9), (5, 5, 3, 2, 2, 8)],
)
def test_span(width: int, size: int, stride: int, left: int, right: int, span: int) -> None:
    pool = MaxPool2D(
        name="pool", inputs=("image",), pool_size=(1, size), strides=(1, stride), padding=(0, 0, left, right)
    )
    assert pool_span(pool, width) == span
