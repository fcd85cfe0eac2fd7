"""The environment that a benchmark runs in."""

from __future__ import annotations

import os

import pytest

from benchmarks.utils import machine


def test_settings_that_slow_the_blas_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: started.append(arguments))
    monkeypatch.delenv("OPENBLAS_L2_SIZE", raising=False)
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    machine.start_clean()
    assert not started
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    machine.start_clean()
    assert len(started) == 1
    assert "OPENBLAS_CORETYPE" not in os.environ
