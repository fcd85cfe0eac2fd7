"""What a core can do, on limits that are round numbers and on this machine."""

from __future__ import annotations

import pytest

pytest.importorskip("threadpoolctl")

from benchmarks.roofline import limits
from lcnn_engine import kernel_info
from tests.helpers.limits import LIMITS


def test_bytes_come_from_the_nearest_level_that_holds_them() -> None:
    assert [LIMITS.level(size) for size in (100, 101, 10000, 10001)] == ["L1", "L2", "L3", "memory"]
    assert LIMITS.seconds(500, 5000) == pytest.approx(500 / 2e9)


def test_the_limits_of_this_machine() -> None:
    sizes = limits.cache_sizes()
    assert 8e3 <= sizes["L1"] < sizes["L2"] <= sizes["L3"]
    assert 1e8 < limits._read_rate(2**16) < 1e13
    assert 1e8 < limits._multiply_rate() < 1e13


def test_every_precision_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TRIES", 1)
    found = limits.measure()
    assert list(found.multiplications) == kernel_info()["precisions"]
    assert all(1e8 < rate < 1e13 for rate in found.multiplications.values())
