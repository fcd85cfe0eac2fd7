"""Matchups of two small networks: rounds, wrong results, engines that cannot run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison import cold_start, worker_process
from benchmarks.comparison.matchups import Entry, Matchup
from benchmarks.comparison.measuring import Runner
from benchmarks.networks import model_files
from benchmarks.networks.images import Images

OURS, BASELINE = Entry("lcnn", "small-lookup"), Entry("onnxruntime", "small-lookup:dense-equivalent")


def test_workers_take_turns(results: Path) -> None:
    matchup = Matchup("small", 1, 1, (OURS, BASELINE), (OURS,))
    found = Runner(Images(), 3, 60.0).measure(matchup)
    assert [found[entry].problem for entry in (OURS, BASELINE)] == [None, None]
    assert [len(found[entry].rounds) for entry in (OURS, BASELINE)] == [3, 3]
    assert all(0 < found[entry].milliseconds < 1000 for entry in (OURS, BASELINE))
    assert found[OURS].difference <= 1e-5
    assert found[BASELINE].file_bytes > 10**6


def test_wrong_results_are_not_timed(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Runner._reference
    monkeypatch.setattr(Runner, "_reference", lambda *arguments: 1.001 * right(*arguments))
    found = Runner(Images(), 3, 60.0).measure(Matchup("small", 1, 1, (OURS,), (OURS,)))
    assert found[OURS].problem.startswith("wrong: differs from the reference by 1.0e-03")
    assert not found[OURS].rounds


def test_a_missing_package_leaves_the_others_running(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = worker_process.find_spec
    monkeypatch.setattr(worker_process, "find_spec", lambda name: None if name == "onnxruntime" else real(name))
    found = Runner(Images(), 1, 1.0).measure(Matchup("small", 1, 1, (OURS, BASELINE), (OURS,)))
    assert found[BASELINE].problem == "not installed"
    assert found[OURS].rounds
    starts = cold_start.measure([BASELINE], Images(), 1)
    assert starts[BASELINE].problem == "not installed"


def test_a_missing_converter_is_told(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(model_files.CONVERTERS, "onnx", (Path(__file__), "no-such-package"))
    found = Runner(Images(), 1, 1.0).measure(Matchup("small", 1, 1, (BASELINE,), (OURS,)))
    assert "no-such-package, which is not installed" in found[BASELINE].problem
