"""The command: this tree against another, which is this one or a copy with a change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.revisions import __main__ as revisions
from benchmarks.revisions import speed
from benchmarks.revisions.speed import Comparison
from benchmarks.utils import machine
from lcnn_engine import kernel_info

CHANGED = """
_run_before = Net.run


def _run_changed(self, x, out=None):
    return _run_before(self, x, out) + np.float32(1e-7)


Net.run = _run_changed
"""


@pytest.fixture(scope="module")
def other_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree whose engine gives other results, but the same features."""
    tree = tmp_path_factory.mktemp("other")
    shutil.copytree(machine.ROOT / "lcnn_engine", tree / "lcnn_engine", ignore=shutil.ignore_patterns("__pycache__"))
    net = tree / "lcnn_engine" / "net.py"
    net.write_text(net.read_text() + CHANGED)
    return tree


def _few(*arguments: object) -> int:
    return revisions.main([*map(str, arguments), "--workloads", "small-lookup", "--name", "few"])


def test_a_tree_gives_its_own_bits(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _few("--against", machine.ROOT, "--bits") == 0
    rows = json.loads((results / "few.json").read_text())["bits"]
    assert {(row["isa"], row["threads"]) for row in rows} == {
        (isa, threads) for isa in kernel_info()["isa_available"] for threads in (1, 2)
    }
    assert all(not row["different"] and row["new"]["nodes"].keys() >= {"conv1", "probabilities"} for row in rows)
    assert f"{len(rows)} of {len(rows)} rows equal to the bit" in capsys.readouterr().out


def test_other_bits_end_with_1(results: Path, other_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _few("--against", other_tree, "--bits") == 1
    rows = json.loads((results / "few.json").read_text())["bits"]
    assert all(row["different"] == ["image", "batch"] for row in rows)
    out = capsys.readouterr().out
    assert "DIFFERS: image, batch" in out
    assert "old             unknown" in out  # it is in no repository


def test_times_are_compared_pair_by_pair(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _few("--against", machine.ROOT, "--time", "--pairs", "2") == 0
    found = json.loads((results / "few.json").read_text())["times"]
    assert [one["what"] for one in found] == ["prediction", "cold start"]
    assert all(len(one["new"]) == len(one["old"]) == 2 for one in found)
    assert all(one["interval"][0] <= one["ratio"] <= one["interval"][1] for one in found)
    assert "95% interval" in capsys.readouterr().out


def test_a_check_fails_where_something_is_slower(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Comparison("small-lookup", "prediction", [2.0] * 6, [1.0] * 6)
    monkeypatch.setattr(speed, "compare", lambda *arguments: [slow])
    assert _few("--against", machine.ROOT, "--time") == 0
    assert _few("--against", machine.ROOT, "--time", "--check") == 1


def test_names_of_networks() -> None:
    assert revisions.chosen(["small", "small-lookup"]) == ["small-lookup", "small-lookup:dense-equivalent"]
    assert {"alexnet-dense-wide", "small-lookup:dense-equivalent"} < set(revisions.everything())
    assert {"shipped-0.1", "shipped-0.1:dense-equivalent"} < set(revisions.everything())


def test_a_tree_that_is_not_built_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _few("--against", tmp_path, "--bits") == 2
    assert f"expected a tree with lcnn_engine in it, got {tmp_path}" in capsys.readouterr().err
    (tmp_path / "lcnn_engine").mkdir()
    (tmp_path / "lcnn_engine" / "__init__.py").touch()
    assert _few("--against", tmp_path, "--bits") == 2
    assert "to be built; run `python setup.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected either COMMIT or --against FOLDER"),
        (["HEAD", "--against", "."], "expected either COMMIT or --against FOLDER"),
        (["--against", ".", "--pairs", "0"], "expected --pairs to be at least 1"),
        (["--against", ".", "--workloads", "alexnut"], "expected workloads among alexnet, "),
        (["no-such-commit", "--bits"], "no-such-commit"),
    ],
)
def test_the_command_refuses(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert revisions.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error


def test_the_commit_given_is_the_one_built(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    @contextmanager
    def checkout(commit: str) -> Iterator[Path]:
        asked.append(commit)
        yield machine.ROOT

    monkeypatch.setattr(revisions, "checkout", checkout)
    assert _few("v1", "--bits") == 0
    assert asked == ["v1"]
