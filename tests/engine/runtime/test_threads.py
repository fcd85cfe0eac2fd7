"""How many threads a network may use: as given, or by cores, affinity and the quotas of control groups."""

from __future__ import annotations

import os
from collections.abc import Iterator
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
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A machine of eight processors, two to a core, without a quota."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(threads, "_core_of", lambda cpu: str(cpu // 2))
    monkeypatch.setattr(threads, "processors_allowed", lambda: None)
    threads._usable_cores.cache_clear()
    yield monkeypatch
    threads._usable_cores.cache_clear()


def test_threads_of_one_core_count_once(machine: pytest.MonkeyPatch) -> None:
    assert default_threads() == 4


def test_affinity_counts_also_where_it_changes(machine: pytest.MonkeyPatch) -> None:
    assert default_threads() == 4
    machine.setattr(os, "sched_getaffinity", lambda _: {0, 1, 5}, raising=False)
    assert default_threads() == 2


@pytest.mark.parametrize(("quota", "expected"), [(1, 1), (3, 3), (100, 4), (None, 4)])
def test_a_quota_counts(machine: pytest.MonkeyPatch, quota: int | None, expected: int) -> None:
    machine.setattr(threads, "processors_allowed", lambda: quota)
    assert default_threads() == expected


def test_never_more_than_a_run_can_use(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(os, "sched_getaffinity", lambda _: set(range(2 * MAX_THREADS + 2)), raising=False)
    assert default_threads() == MAX_THREADS


def test_asked_once_for_each_affinity(machine: pytest.MonkeyPatch) -> None:
    """Of 128 processors, 128 files say which core they belong to."""
    asked: list[int] = []
    machine.setattr(threads, "_core_of", lambda cpu: str(asked.append(cpu)))
    default_threads()
    default_threads()
    assert sorted(asked) == list(range(8))
