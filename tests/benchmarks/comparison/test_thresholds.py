"""Thresholds hold or are missed by the numbers, in four of five runs or in fewer."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison import tables
from benchmarks.comparison.measuring import ratio
from benchmarks.comparison.surroundings import Figure
from benchmarks.comparison.thresholds import Results, Threshold, Verdict, figure, judge, speedup, values_of
from tests.helpers.measurements import MATCHUP, OURS, THEIRS, measured

TIMES = Threshold("times", speedup(MATCHUP, THEIRS, OURS), 3.0, 5.0)


def _verdict(*values: float | None, threshold: Threshold = TIMES) -> Verdict:
    (verdict,) = judge([threshold], [{threshold.title: value} for value in values])
    return verdict


def test_a_ratio_is_the_median_of_the_rounds_own() -> None:
    found = measured([1.0, 2.0, 1.0], [3.0, 10.0, 2.0])
    assert ratio(found, THEIRS, OURS) == 3.0
    assert ratio(found, replace(THEIRS, batch=32), OURS) is None
    assert values_of([TIMES], Results({MATCHUP.name: found})) == {"times": 3.0}


def test_a_figure_is_the_median_of_its_rounds() -> None:
    results = Results(figures={"cost": Figure(rounds=[5.0, 2.0, 3.0]), "failed": Figure("it did not run")})
    assert [figure(name)(results) for name in ("cost", "failed", "unknown")] == [3.0, None, None]


@pytest.mark.parametrize(
    ("values", "holds_in", "holds"),
    [
        ([3.2], 1, True),
        ([2.9], 0, False),
        ([3.2, 3.1, 2.5, 3.0, 3.4], 4, True),
        ([3.2, 3.1, 2.5, 2.9, 9.0], 3, False),
        ([3.2, 3.1, 3.0, None, 3.4], 4, True),
        ([9.0, 9.0, 2.9], 2, False),
    ],
)
def test_a_threshold_must_hold_in_four_of_five_runs(values, holds_in: int, holds: bool) -> None:
    verdict = _verdict(*values)
    assert (verdict.holds_in, verdict.holds) == (holds_in, holds)
    table = tables.thresholds_table([verdict])
    assert f"{holds_in} of {len(values)}" in table
    assert ("MISSED" in table) is not holds


def test_an_aim_is_reached_by_the_median() -> None:
    assert _verdict(4.0, 5.1, 6.0).reaches_aim
    assert not _verdict(4.0, 4.9, 6.0).reaches_aim


def test_ratios_are_compared_as_they_are_printed() -> None:
    assert _verdict(2.996).holds
    assert not _verdict(2.994).holds


def test_what_was_not_measured_does_not_hold() -> None:
    (verdict,) = judge([TIMES], [{}])
    assert not verdict.holds
    assert verdict.median is None
    assert "not measured" in tables.thresholds_table([verdict])


def test_an_aim_alone_is_never_missed() -> None:
    verdict = _verdict(0.5, threshold=replace(TIMES, bound=None, aim=1.0))
    assert verdict.holds
    assert "aim missed" in tables.thresholds_table([verdict])


@pytest.mark.parametrize(("value", "holds"), [(0.19, True), (0.204, True), (0.21, False)])
def test_small_numbers_are_good_where_the_threshold_says_so(value: float, holds: bool) -> None:
    assert _verdict(value, threshold=replace(TIMES, bound=0.2, at_most=True)).holds is holds
