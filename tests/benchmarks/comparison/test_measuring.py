"""Matchups of two small networks: rounds, wrong results, engines that cannot run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison import cold_start, measuring, worker_process
from benchmarks.comparison.matchups import Entry, Matchup
from benchmarks.comparison.measuring import Runner
from benchmarks.networks import model_files
from benchmarks.networks.images import Images
from lcnn_engine import kernel_info

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
    right = measuring.expected
    monkeypatch.setattr(measuring, "expected", lambda *arguments: 1.001 * right(*arguments))
    found = Runner(Images(), 3, 60.0).measure(Matchup("small", 1, 1, (OURS,), (OURS,)))
    assert found[OURS].problem.startswith("wrong: differs from the reference by 1.0e-03")
    assert not found[OURS].rounds


LOWER = [("lcnn-bf16", "bfloat16"), ("lcnn-int8", "int8")]


@pytest.mark.parametrize(("engine", "precision"), LOWER)
def test_each_precision_is_held_to_its_own_definition(engine: str, precision: str, results: Path) -> None:
    lower, other = Entry(engine, "cnn28"), Entry("lcnn", "cnn28")
    found = Runner(Images(), 2, 60.0).measure(Matchup("cnn28", 1, 1, (lower, other), (other,)))
    assert found[other].difference == found[other].from_float32 <= 1e-5
    if precision not in kernel_info()["precisions"]:
        assert found[lower].problem == "not for this processor"
        return
    assert found[lower].rounds
    assert 0 < found[lower].share <= 1
    assert found[lower].difference < 1e-3 < 2 * found[lower].from_float32


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"share": 1.5, "node": "conv2"}, "wrong: conv2 is 1.5 times as far from its definition as rounding takes it"),
        ({"output": np.zeros(10, np.float32)}, "wrong: other bits than were held to the definition"),
    ],
)
def test_what_is_wrong_in_a_lower_precision_is_not_timed(
    change: dict[str, object], problem: str, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = measuring.verified
    monkeypatch.setattr(measuring, "verified", lambda *given: right(*given)._replace(**change))
    entries = tuple(Entry(engine, "cnn28") for engine, name in LOWER if name in kernel_info()["precisions"])
    found = Runner(Images(), 2, 60.0).measure(Matchup("cnn28", 1, 1, entries, entries))
    assert [found[entry].problem for entry in entries] == [problem] * len(entries)
    assert not any(found[entry].rounds for entry in entries)


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
