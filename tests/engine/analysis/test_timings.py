"""What was measured, and the sums of it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from lcnn_engine.analysis.timings import ProfileStep, Timings
from lcnn_engine.plan.calls import StepKind


def step(name: str, seconds: float, multiplications: int = 0) -> ProfileStep:
    return ProfileStep(name, "conv2d", "conv 64", seconds, multiplications, StepKind.CONV)


def timings(dense: list[ProfileStep] | None = None) -> Timings:
    return Timings("net", "scalar", 1, 5, [step("a", 1.0), step("b", 2.0), step("a", 0.5)], ("a", "c"), dense)


def test_sums() -> None:
    assert timings().seconds == 3.5
    assert (timings().dense_seconds, timings().ratio, timings().dense_layers()) == (None, None, {})


def test_beside_the_dense_equivalent() -> None:
    both = timings([step("a", 3.0), step("a", 2.0), step("b", 2.0)])
    assert (both.dense_seconds, both.ratio) == (7.0, 2.0)
    assert both.dense_layers() == {"a": 5.0, "c": 0.0}


def test_no_time_has_no_ratio() -> None:
    assert Timings("net", "scalar", 1, 5, [], (), []).ratio is None


def test_rates() -> None:
    assert step("a", 0.5, 10**9).rate == 4.0
    assert (step("a", 0.0, 10).rate, step("a", 1.0).rate) == (0.0, 0.0)


def test_nothing_changes_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        timings().runs = 1  # type: ignore[misc]
