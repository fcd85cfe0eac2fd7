"""The page of a sweep says what the committed numbers say."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("matplotlib")

from benchmarks.sweeps import drawing, page, summary
from benchmarks.sweeps.tables import DENSE, SWEEPS
from benchmarks.utils.report import RESULTS

DONE = [name for name in SWEEPS if page.page_path(name).exists()]
EACH = pytest.mark.parametrize("name", DONE)


def committed(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"sweep-{name}.json").read_text())


@EACH
def test_the_page_is_drawn_from_the_committed_numbers(name: str) -> None:
    text = page.page_path(name).read_text(encoding="utf-8")
    assert page.drawn(text, committed(name)) == text, f"run python -m benchmarks.sweeps {name} draw"


@EACH
def test_every_network_is_judged_and_timed(name: str) -> None:
    for point in committed(name)["points"]:
        engines = point["engines"]
        assert ("onnxruntime" in engines) == (point["structure"] == DENSE)
        for one in engines.values():
            assert one["low"] <= one["accuracy"] <= one["high"]
            assert one["right"] == pytest.approx(one["accuracy"] * one["images"] / 100)
            assert one["milliseconds"] <= one["median"]


@EACH
def test_the_picture_has_a_line_for_each_structure_and_engine(name: str) -> None:
    figure = drawing.draw(committed(name))
    wanted = [[line.title for line in summary.lines_of(committed(name), precision)] for precision in drawing.PANELS]
    assert [[line.get_label() for line in axes.get_lines()] for axes in figure.axes] == wanted
    assert all(len(titles) > 3 for titles in wanted)


FOUND = {
    "sweep": "fashion-mnist",
    "points": [
        {"name": "dense-1", "structure": DENSE, "engines": {"onnxruntime": {"accuracy": 92.0, "milliseconds": 0.1}}},
        {
            "name": "dense-0.5",
            "structure": DENSE,
            "engines": {"onnxruntime": {"accuracy": 88.0, "milliseconds": 0.025}},
        },
        {"name": "pruned-0.1", "structure": "pruned", "engines": {"lcnn": {"accuracy": 91.5, "milliseconds": 0.05}}},
        {"name": "pruned-0.05", "structure": "pruned", "engines": {"lcnn": {"accuracy": 89.0, "milliseconds": 0.02}}},
    ],
}


def test_the_bars() -> None:
    found = summary.against(FOUND, summary.FLOAT32)
    assert [found[0].accuracy, found[-1].accuracy] == [91.5, 89.0]
    assert found[0].ratio == pytest.approx(0.05 / (0.025 * 4 ** (3.5 / 4)))
    assert found[-1].ratio == pytest.approx(0.02 / (0.025 * 4 ** (1 / 4)))
    assert summary.holds(found, summary.FLOAT32)
    assert not summary.holds(summary.against(FOUND, summary.ANY), summary.ANY)  # nobody to compare with
