"""Tables, and files of results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.utils import report


def test_table() -> None:
    assert report.table([("name", "us"), ("a", "12.0")]) == "name    us\n----------\na     12.0"


def test_results_are_written_whole(results: Path) -> None:
    with pytest.raises(TypeError):
        report.write("broken", "text", {"x": object()})
    assert not results.exists() or not list(results.iterdir())
    assert report.write("whole", "text", {"x": 1}) == results / "whole.json"
    assert json.loads((results / "whole.json").read_text()) == {"x": 1}
    assert (results / "whole.txt").read_text() == "text\n"
    assert len(list(results.iterdir())) == 2
