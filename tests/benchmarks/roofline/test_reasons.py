"""Steps far above their bounds have a reason, up to what it explains."""

from __future__ import annotations

import pytest

pytest.importorskip("threadpoolctl")

from benchmarks.roofline.reasons import REASONS, is_far, reason
from benchmarks.roofline.steps import StepBound
from lcnn_engine.plan.calls import StepKind


def _step(kind: StepKind, us: float, bound: float, kernel: str = "kernel") -> StepBound:
    return StepBound("step", "operation", kernel, us, bound, "multiplications", kind, 1)


def test_what_is_far() -> None:
    steps = [_step(StepKind.CONV, us, 10.0) for us in (16.0, 16.4, 17.0)] + [_step(StepKind.OUTPUT, 5.0, 0.0)]
    assert [is_far(step) for step in steps] == [False, False, True, False]


def test_a_reason_explains_so_much_and_no_more() -> None:
    assert "a load for each multiplication" in reason(_step(StepKind.LOOKUP_TILE, 30.0, 10.0))
    assert reason(_step(StepKind.LOOKUP_TILE, 90.0, 10.0)) is None
    assert reason(_step(StepKind.DICTIONARY, 17.0, 10.0)) is None
    assert reason(_step(StepKind.CONV, 400.0, 100.0)) is None
    assert "words" in reason(_step(StepKind.CONV, 400.0, 100.0, "conv int8 64"))
    assert "ends of loops" in reason(_step(StepKind.CONV, 9.0, 2.0))
    assert reason(_step(StepKind.DICTIONARY, 1.0, 0.1)).startswith("under 2 us")


def test_every_reason_is_of_steps_that_are_far() -> None:
    assert all(one.most > 1.6 and one.text and one.kinds for one in REASONS)
