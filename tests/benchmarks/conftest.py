"""Fixtures that several files of tests of the benchmarks share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for model files, apart from anybody's."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def results(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for results, with model files in ``cache``; the process's cores are as they were afterwards."""
    from benchmarks.networks import model_files
    from benchmarks.utils import report

    monkeypatch.setattr(model_files, "CACHE", cache)
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    cores = os.sched_getaffinity(0)
    yield tmp_path / "results"
    os.sched_setaffinity(0, cores)
