"""Thresholds hold or are missed by the numbers; a missed ratio is measured again before it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison import tables
from benchmarks.comparison.measuring import ratio
from benchmarks.comparison.thresholds import Metric, Results, Threshold, Verdict, judge, speedup
from tests.helpers.measurements import MATCHUP, OURS, THEIRS, FixedHarness, measured


def _judge(first: float, again: float, bound: float = 3.0) -> tuple[Verdict, FixedHarness]:
    harness = FixedHarness(again)
    threshold = Threshold("times", speedup(MATCHUP, THEIRS, OURS), bound, 5.0)
    (verdict,) = judge([threshold], Results({MATCHUP.name: measured([1.0], [first])}), harness)
    return verdict, harness


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    found = measured([1.0, 2.0, 1.0], [3.0, 10.0, 2.0])
    assert ratio(found, THEIRS, OURS) == 3.0
    assert ratio(found, replace(THEIRS, batch=32), OURS) is None


def test_what_holds_is_not_measured_again() -> None:
    verdict, harness = _judge(3.2, 1.0)
    assert verdict.holds
    assert verdict.reaches_aim is False
    assert not harness.asked


def test_what_misses_is_measured_once_more() -> None:
    verdict, harness = _judge(2.5, 3.5)
    assert verdict.holds
    assert (verdict.first, verdict.second, verdict.value) == (2.5, 3.5, 3.5)
    (matchup,) = harness.asked
    assert matchup.entries == (THEIRS, OURS)


def test_what_misses_twice_is_missed() -> None:
    verdict, harness = _judge(2.5, 2.0)
    assert not verdict.holds
    assert verdict.value == 2.5
    assert len(harness.asked) == 1


def test_ratios_are_compared_as_they_are_printed() -> None:
    assert _judge(2.996, 1.0)[0].holds
    assert not _judge(2.994, 1.0)[0].holds


def test_what_was_not_measured_does_not_hold() -> None:
    harness = FixedHarness(100.0)
    (verdict,) = judge([Threshold("times", speedup(MATCHUP, THEIRS, OURS), 3.0)], Results(), harness)
    assert not verdict.holds
    assert not harness.asked
    assert "not measured" in tables.thresholds_table([verdict])


def test_an_aim_alone_is_never_missed() -> None:
    (verdict,) = judge([Threshold("aim", Metric(lambda _: 0.5), None, 1.0)], Results())
    assert verdict.holds
    assert "aim missed" in tables.thresholds_table([verdict])


@pytest.mark.parametrize(("value", "holds"), [(0.19, True), (0.204, True), (0.21, False)])
def test_small_numbers_are_good_where_the_threshold_says_so(value: float, holds: bool) -> None:
    (verdict,) = judge([Threshold("memory", Metric(lambda _: value), 0.2, None, True)], Results())
    assert verdict.holds is holds
