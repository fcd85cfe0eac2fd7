"""How many threads a network may use: as given, or by cores, affinity and the quotas of control groups."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcnn_engine import SettingError
from lcnn_engine.kernels import MAX_THREADS
from lcnn_engine.runtime import threads
from lcnn_engine.runtime.threads import checked_threads, default_threads


@pytest.mark.parametrize("count", [1, 2, MAX_THREADS])
def test_a_number_is_taken(count: int) -> None:
    for given in (count, np.int64(count), np.uint16(count)):
        found = checked_threads(given)
        assert found == count
        assert type(found) is int


@pytest.mark.parametrize("value", [0, -1, MAX_THREADS + 1, 1.0, True, "2"])
def test_everything_else_is_refused(value: Any) -> None:
    with pytest.raises(SettingError, match=f"integer from 1 to {MAX_THREADS}, or None for all cores, got"):
        checked_threads(value)


def test_none_means_the_default() -> None:
    assert checked_threads(None) == default_threads()
    assert 1 <= default_threads() <= (os.cpu_count() or 1)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine of eight processors, two to a core, without a quota."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(threads, "_core_of", lambda cpu: str(cpu // 2))
    monkeypatch.setattr(threads, "_quota", lambda: MAX_THREADS)
    return monkeypatch


def test_threads_of_one_core_count_once(machine: pytest.MonkeyPatch) -> None:
    assert default_threads.__wrapped__() == 4


def test_affinity_counts(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(os, "sched_getaffinity", lambda _: {0, 1, 5}, raising=False)
    assert default_threads.__wrapped__() == 2


@pytest.mark.parametrize(("quota", "expected"), [(1, 1), (3, 3), (100, 4)])
def test_a_quota_counts(machine: pytest.MonkeyPatch, quota: int, expected: int) -> None:
    machine.setattr(threads, "_quota", lambda: quota)
    assert default_threads.__wrapped__() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max 100000", MAX_THREADS), ("250000 100000", 2), ("50000 100000", 1), ("1 0", MAX_THREADS), ("", MAX_THREADS)],
)
def test_quotas_of_control_groups(tmp_path: Path, text: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert threads._quota_of(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", MAX_THREADS), ("300000", 3), ("odd", MAX_THREADS)])
def test_quotas_of_control_groups_version_1(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu.cfs_period_us").write_text("100000")
    assert threads._quota_of_version_1(tmp_path) == expected


def test_no_control_group_is_no_quota(tmp_path: Path) -> None:
    assert threads._quota_of(tmp_path) == threads._quota_of_version_1(tmp_path) == MAX_THREADS
