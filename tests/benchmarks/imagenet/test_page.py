"""The page says what the committed numbers say."""

from __future__ import annotations

import json

from benchmarks.imagenet import page
from benchmarks.imagenet.projection import REFERENCE
from benchmarks.imagenet.steps import configurations
from benchmarks.utils.report import RESULTS

COMMITTED = json.loads((RESULTS / "imagenet.json").read_text())


def test_the_page_is_drawn_from_the_committed_numbers() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.drawn(text, COMMITTED) == text, "run python -m benchmarks.imagenet page"


def test_the_reference_is_among_the_measured_configurations() -> None:
    names = [row["name"] for row in COMMITTED["configurations"]]
    assert REFERENCE in names
    assert len(set(names)) == len(names)
    assert set(names) <= set(configurations())


def test_without_the_reference_there_is_no_projection() -> None:
    rows = [row for row in COMMITTED["configurations"] if row["name"] != REFERENCE]
    text = page.drawn(f"{page.BEGIN}\n{page.END}", COMMITTED | {"configurations": rows, "pipeline": []})
    assert text == f"{page.BEGIN}\n\n\n\n{page.END}"
