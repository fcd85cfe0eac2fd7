"""The page of results says what the committed numbers say, and what is missed stands out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnxruntime")

from benchmarks import page
from benchmarks.comparison.targets import NORMALISING
from benchmarks.utils.report import RESULTS


def _verdict(*values: float, holds: bool) -> dict[str, Any]:
    middle = sorted(values)[len(values) // 2]
    return {"values": list(values), "median": middle, "holds_in": 4 if holds else 1, "holds": holds}


FOUND = {
    "shipped-0.1, float32: x ONNX Runtime": _verdict(51, 52, 53, 54, 49, holds=True),
    "cnn28-pruned, float32: x ONNX Runtime on cnn28-half": _verdict(1.5, 1.2, 1.1, 1.0, 0.9, holds=False),
    NORMALISING: _verdict(5.5, 5.6, 5.7, 5.8, 1.0, holds=True),
}


def test_the_page_is_drawn_from_the_committed_numbers() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.drawn(text, page.read(RESULTS / "compare.json")) == text, "run python -m benchmarks.page"


def test_every_figure_has_its_cell() -> None:
    text = page.tables(FOUND)
    (shipped,) = [line for line in text.splitlines() if line.startswith("| shipped-0.1 |")]
    assert shipped.split(" | ")[1] == "52.00 x ORT (50, 4 of 5)"
    assert shipped.split(" | ")[2] == "x ORT (58); x int8 (18)"
    assert "| cnn28-pruned (the others: cnn28-half) | **1.10 x ORT** (1.4, 1 of 5) | x ORT (1.8) |  |" in text
    assert f"| {NORMALISING} | at least 5 | 5.60 | 4 of 5 |" in text
    assert "x ORT (aim 4)" in text


def test_only_what_is_between_the_marks_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "page.md"
    own.write_text(f"before\n{page.BEGIN}\nwritten before\n{page.END}\nafter\n")
    assert page.main(["--page", str(own)]) == 0
    text = own.read_text()
    assert text.startswith(f"before\n{page.BEGIN}\n\n| network | float32 | bfloat16 | int8 |")
    assert text.endswith(f"|\n\n{page.END}\nafter\n")
    assert "written before" not in text
    assert page.main(["--page", str(own)]) == 0
    assert own.read_text() == text
    own.write_text("nothing")
    assert page.main(["--page", str(own)]) == 2
    assert "expected the marks" in capsys.readouterr().err
    assert page.main([str(tmp_path / "missing.json")]) == 2
