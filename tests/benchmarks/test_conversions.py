"""What is known of conversions, and the page that says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")

from benchmarks import conversions
from benchmarks.utils.report import RESULTS


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two rows of five answers: the dense network has three right, the other shares four with it."""
    rows: list[dict[str, Any]] = [
        {"name": "dense", "answers": [0, 5, 10, 1, 2]},
        {"name": "half", "answers": [0, 5, 10, 1, 20], "lookups": 1_573_056, "output_error": 0.25, "seconds": 3.0},
    ]
    for row in rows:
        row["file"] = str(tmp_path / row["name"])
        Path(row["file"]).write_bytes(row["name"].encode())
    path = tmp_path / "conversion.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_answers_are_counted_beside_the_dense_network_and_the_classes(log: Path) -> None:
    dense, half = conversions.collected(log, {})
    assert (dense["images"], dense["as_before"], dense["right"], dense["bytes"]) == (5, 5, 3, 5)
    assert (half["as_before"], half["right"]) == (4, 4)


def test_times_stay_while_the_file_is_the_same(log: Path) -> None:
    rows = conversions.collected(log, {})
    rows[1]["milliseconds"] = {"float32": 3.25}
    assert conversions.collected(log, {"rows": rows})[1]["milliseconds"] == {"float32": 3.25}
    Path(rows[1]["file"]).write_bytes(b"another")
    assert conversions.collected(log, {"rows": rows})[1]["milliseconds"] == {}


def test_the_table_has_shares_and_times(log: Path) -> None:
    rows = conversions.collected(log, {})
    rows[1]["milliseconds"] = {"float32": 3.25}
    lines = conversions.table({"rows": rows}).splitlines()
    assert lines[2] == "| dense |  | 60.0 |  |  |  |  |"
    assert lines[3] == "| half | 80.0 (38 to 96) | 80.0 | 50.0 | 0.250 | 3.25 |  |"
    assert lines[-1] == "Times are not measured yet."


def test_the_page_is_drawn_from_the_committed_numbers() -> None:
    text = conversions.PAGE.read_text(encoding="utf-8")
    committed = json.loads((RESULTS / "conversions.json").read_text())
    drawn = conversions.report.between(text, conversions.BEGIN, conversions.END, conversions.table(committed))
    assert drawn == text, "run python -m benchmarks.conversions"
