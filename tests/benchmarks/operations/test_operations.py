"""The command that compares operations, from end to end on something small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.operations import __main__ as operations
from benchmarks.operations.cases import all_cases


def test_operations_command(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert operations.main(["--only", "lrn radius 2 27*", "--rounds", "2", "--name", "few"]) == 0
    rows = json.loads((results / "few.json").read_text())["rows"]
    assert [row["operation"] for row in rows] == ["lrn"]
    assert 0 < rows[0]["ratio"] < 1
    out = capsys.readouterr().out
    assert "blas_core" in out
    assert (results / "few.txt").read_text() == out


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--rounds", "0"], ["--core", "100000"]])
def test_operations_command_refuses(
    arguments: list[str], results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "all_cases", lambda: all_cases()[-1:])
    assert operations.main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: expected ")
    assert not results.exists() or not list(results.iterdir())
