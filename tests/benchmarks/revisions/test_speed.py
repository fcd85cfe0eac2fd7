"""Times of both sides, pair by pair."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.revisions import sides, speed
from benchmarks.revisions.speed import Comparison


@pytest.mark.parametrize(
    ("what", "ratio", "slower"),
    [("prediction", 1.019, False), ("prediction", 1.021, True), ("cold start", 1.029, False),
     ("cold start", 1.031, True), ("prediction", 0.5, False)],
)  # fmt: skip
def test_slower_is_what_the_whole_interval_says(what: str, ratio: float, slower: bool) -> None:
    assert Comparison("net", what, [ratio] * 10, [1.0] * 10).slower is slower
    uncertain = Comparison("net", what, [0.9] * 10 + [1.5] * 10, [1.0] * 20)
    assert uncertain.ratio == pytest.approx(1.2)
    assert not uncertain.slower


def test_sides_take_turns_to_be_first(monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = (sides.Side(title, Path(), Path(), "") for title in ("new", "old"))
    assert [speed._ordered(new, old, number)[0] for number in range(3)] == [new, old, new]
