"""Time at equal accuracy, by hand."""

from __future__ import annotations

import pytest

from benchmarks.sweeps.frontier import Point, at_equal_accuracy, front, time_at

POINTS = [Point(90.0, 4.0, "c"), Point(86.0, 1.0, "a"), Point(85.0, 2.0, "beaten"), Point(88.0, 2.0, "b")]


def test_the_front_leaves_out_what_is_beaten() -> None:
    assert [point.name for point in front(POINTS)] == ["a", "b", "c"]
    same = [Point(86.0, 1.0, "worse"), Point(87.0, 1.0, "better"), Point(87.0, 3.0, "slower")]
    assert [point.name for point in front(same)] == ["better"]


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [(88.0, 2.0), (90.0, 4.0), (87.0, 2**0.5), (89.5, 2 ** (1 + 0.75)), (80.0, 1.0), (86.0, 1.0), (90.1, None)],
)
def test_time_at(accuracy: float, expected: float | None) -> None:
    assert time_at(POINTS, accuracy) == (None if expected is None else pytest.approx(expected))


def test_nothing_takes_no_time() -> None:
    assert time_at([], 88.0) is None


def test_at_equal_accuracy() -> None:
    ours = [Point(89.0, 1.0), Point(87.0, 0.5)]
    found = at_equal_accuracy(ours, POINTS, 90.0)
    assert [one.accuracy for one in found] == [89.5 - 0.25 * number for number in range(11)]
    assert found[0].ours is None
    assert found[0].ratio is None
    assert found[2].ratio == pytest.approx(1.0 / 2**1.5)
    assert found[10].ratio == pytest.approx(0.5 / 2**0.5)
