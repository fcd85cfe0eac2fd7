"""The command that compares networks, from end to end on something small, and everything that it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from benchmarks import compare
from benchmarks.comparison import harness
from benchmarks.comparison.thresholds import Results, Threshold


def test_the_command(results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(harness, "PREDICTIONS", 2000)
    command = ["small", "--batch", "1", "--threads", "1", "--rounds", "2", "--name", "few", "--engines"]
    assert compare.main([*command, "lcnn", "lcnn-scalar", "onnxruntime"]) == 0
    out = capsys.readouterr().out
    assert "blas_core" in out
    found = json.loads((results / "few.json").read_text())
    rows = found["matchups"]["small, batch 1, threads 1"]
    assert {row["engine"] for row in rows} == {"lcnn", "onnxruntime"}
    assert found["seconds"][0] > 0
    name = "small-lookup:dense-equivalent"
    dense = next(row for row in rows if row["network"] == name and row["engine"] == "onnxruntime")
    assert dense["ratios"]["small-lookup"] > 0
    assert found["only_compared"][0]["difference"] <= 1e-5
    assert found["guarantees"]["other_bits"] == {"small-lookup": []}
    assert (results / "few-latency.png").read_bytes().startswith(b"\x89PNG")
    assert str(Path.home()) not in (results / "few.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engines", "tensorflou"], "expected engines among lcnn, "),
        (["--threads", "0"], "expected threads to be an integer from 1 to 256"),
        (["--threads", "1000"], "expected threads to be an integer from 1 to 256"),
        (["--threads", "200"], "expected at most "),
        (["--batch", "0"], "expected batch to be from 1 to 1024"),
        (["--rounds", "0"], "expected rounds to be more than 0"),
        (["--check", "--runs", "0"], "expected runs to be from 1 to 100, with --check, got 0"),
        (["--runs", "5"], "expected runs to be from 1 to 100, with --check, got 5"),
        (["alexnut"], "expected networks among alexnet, "),
        ([__file__], "expected"),
        (["small", "--image", "digit.png"], "expected --image with a network that says how to prepare images"),
    ],
)
def test_the_command_refuses(
    arguments: list[str], message: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert not results.exists()


@pytest.mark.parametrize("name", ["../elsewhere", "folder/name", "", "..", "/tmp/name"])
def test_results_have_a_name_and_no_folder(name: str, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        compare.main(["nothing", "--name", name])
    assert ended.value.code == 2
    assert f"expected a name of files, without their folder, got '{name}'" in capsys.readouterr().err


class ImagesOfNothing:
    def source(self, name: str) -> str:
        return "nothing"

    def batch(self, name: str, size: int) -> None:
        return None


def test_a_part_is_not_written_over_the_whole(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "measure", lambda *arguments: ([], compare.Results()))
    monkeypatch.setattr(compare, "Images", lambda image: ImagesOfNothing())
    monkeypatch.setattr(compare, "_reported", lambda *arguments: ("nothing", {"matchups": {}, "starts": []}))
    names: list[str] = []
    monkeypatch.setattr(compare, "_finish", lambda options, *rest: names.append(options.name))
    for arguments in (["small"], ["--batch", "1"], ["--threads", "1"], ["--engines", "lcnn"], ["--rounds", "7"]):
        compare.main(arguments)
    assert names == ["compare-part"] * 4 + ["compare"]


def test_a_missed_threshold_ends_with_1(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--check`` without any measurement: nothing holds."""
    monkeypatch.setattr(compare, "measure", lambda *arguments: ([], compare.Results()))
    assert compare.main(["small", "--check", "--name", "none"]) == 1
    thresholds = json.loads((results / "none.json").read_text())["thresholds"]
    assert thresholds
    assert not any(threshold["holds"] for threshold in thresholds if threshold["bound"] is not None)
    assert compare.main(["small", "--name", "none"]) == 0


class _Numbers:
    """Gives one threshold another number in every run, and counts the runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *numbers: float) -> None:
        self.numbers, self.made = numbers, 0
        monkeypatch.setattr(compare, "measure", self._measure)
        number = Threshold("number", lambda results: results.guarantees["number"], 2.0)
        monkeypatch.setattr(compare, "all_thresholds", lambda groups: [number])

    def _measure(self, *arguments: object) -> tuple[list[object], Results]:
        self.made += 1
        return [], Results(guarantees={"number": self.numbers[self.made - 1]})


def test_runs_that_are_there_are_not_repeated(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = _Numbers(monkeypatch, 2.5, 1.0, 3.0, 3.0, 3.0, 0.5)
    command = ["small", "--check", "--name", "some", "--runs"]
    assert compare.main([*command, "2"]) == 1
    assert given.made == 2
    assert compare.main([*command, "5"]) == 0
    assert given.made == 5
    (found,) = json.loads((results / "some.json").read_text())["thresholds"]
    assert found["values"] == [2.5, 1.0, 3.0, 3.0, 3.0]
    assert (found["holds_in"], found["holds"], found["median"]) == (4, True, 3.0)
    assert "number" in capsys.readouterr().out
    assert sorted(path.name for path in (results / "runs").glob("*.json")) == [f"some-{n}.json" for n in range(1, 6)]
    (results / "runs" / "some-3.json").write_text("{")  # cut off
    assert compare.main([*command, "5"]) == 1
    assert given.made == 6


def test_runs_of_other_code_or_settings_are_made_anew(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = _Numbers(monkeypatch, *[3.0] * 6)
    command = ["small", "--check", "--name", "some", "--runs", "2"]
    assert compare.main(command) == 0
    assert compare.main([*command, "--seconds", "3"]) == 0
    assert given.made == 4
    monkeypatch.setattr(compare.runs, "code", lambda: "another")
    assert compare.main([*command, "--seconds", "3"]) == 0
    assert given.made == 6
