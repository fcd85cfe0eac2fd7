"""The bar on a terminal."""

from __future__ import annotations

import pytest

from lcnn_engine.utils import progress
from lcnn_engine.utils.progress import Progress


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is shown, on a clock that goes on by a tenth of a second at each look."""
    notes: list[str] = []
    ticks = iter(range(10_000))
    monkeypatch.setattr(progress, "note", notes.append)
    monkeypatch.setattr(progress, "monotonic", lambda: 0.1 * next(ticks))
    return notes


def test_of_a_known_number(shown: list[str]) -> None:
    bar = Progress()
    for done in range(1, 101):
        bar.show(done, 100)
    assert len(shown) == 33  # every third is a quarter of a second after the one before
    assert shown[0] == f"[{'':24}] 4 of 100, 10/s, 0:10 left"
    assert shown[-1] == f"[{'#' * 24}] 100 of 100, 10/s, 0:00 left"


def test_of_an_unknown_number(shown: list[str]) -> None:
    bar = Progress()
    for done in range(20_001, 20_005):  # those that were done before do not count in the rate
        bar.show(done)
    assert shown == ["20,004 images, 10/s"]
