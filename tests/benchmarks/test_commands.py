"""The measuring itself: rounds, tables, and the two commands from end to end on something small."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks import machine, operations, report
from benchmarks.engines import OnnxRuntime, Ours, belongs
from benchmarks.operation_cases import all_cases
from benchmarks.timing import Sample, interleave, mean_of_most, mean_seconds, median_interval, repeats_for
from lcnn_engine.model import graph as g


def test_every_contender_runs_once_a_round_and_starts_one_in_turn() -> None:
    calls: list[str] = []

    def contender(name: str, seconds: float):
        def run() -> float:
            calls.append(name)
            return seconds

        return run

    samples = interleave({"a": contender("a", 1.0), "b": contender("b", 2.0)}, rounds=3)
    assert calls == ["a", "b", "b", "a", "a", "b"]
    assert samples["a"].median == 1.0
    assert samples["b"].rounds.tolist() == [2.0, 2.0, 2.0]


def test_sample() -> None:
    sample = Sample(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    assert sample.median == 3.0
    assert sample.spread == pytest.approx((4.0 - 2.0) / 2 / 3.0)


@pytest.mark.parametrize(("count", "ranks"), [(1, (1, 1)), (5, (1, 5)), (6, (1, 6)), (10, (2, 9)), (30, (10, 21))])
def test_the_interval_of_a_median_is_that_of_the_tables(count: int, ranks: tuple[int, int]) -> None:
    """Ranks from 1, as books on the sign test list them for 95%."""
    values = np.random.default_rng(0).permutation(np.arange(1, count + 1)).tolist()
    assert median_interval(values) == ranks


def test_one_call_warms_up_uncounted() -> None:
    calls: list[int] = []
    mean_seconds(lambda: calls.append(0), repeats=3)
    assert len(calls) == 4
    assert repeats_for(lambda: None, block=1e-4) > 10
    assert repeats_for(lambda: sum(range(100000)), block=1e-6) == 1


def test_kernels_belong_to_their_node_only() -> None:
    assert all(belongs(kernel, ["op1"]) for kernel in ("op1", "op1_nchwc", "op1.act", "op1.act/QuickGeluFusion/"))
    assert not any(belongs(kernel, ["op1"]) for kernel in ("op10", "op", "prelude", "op10_nchwc"))


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


def test_cases_cover_every_operation_but_lookups() -> None:
    cases = all_cases()
    assert {case.group for case in cases} == set(g.NODE_TYPES) - {"lookup_conv2d", "lookup_dense"}
    assert len({(case.group, case.title) for case in cases}) == len(cases)
    kinds = {case.build(1)[0]["op0"].activation for case in cases if case.group == "activation"}
    assert kinds == set(g.ACTIVATIONS) - {"linear"}


def test_a_case_measures_the_operation_alone() -> None:
    """Both engines run the operation as often as the case says, and our seconds are those of its steps."""
    case = next(case for case in all_cases() if case.group == "activation" and "silu 14" in case.title)
    graph, tensors = case.build(3)
    assert [node.name for node in graph.nodes] == ["prelude", "op0", "op1", "op2"]
    ours = Ours(graph, tensors, case.picture())
    found = ours.run_timed(["op1"])
    total, step = ours.seconds.sum(), ours.seconds[[s.name for s in ours.plan.steps].index("op1")]
    assert 0 < found == pytest.approx(step)
    assert step < total
    theirs = OnnxRuntime(graph, tensors, case.picture(), profiled=True)
    theirs.run()
    theirs.run()
    seconds, kernels = theirs.profile(["op1", "op2"])
    assert kernels == 2
    assert seconds.shape == (2,)


def test_no_layer_of_a_chain_is_optimized_away() -> None:
    for case in (case for case in all_cases() if case.copies and min(case.shape[:2]) <= 14):
        session = OnnxRuntime(*case.build(3), case.picture(), profiled=True)
        session.run()
        kernels = [kernel.split()[0] for kernel in session.kernels()]
        assert all(any(belongs(kernel, [name]) for kernel in kernels) for name in ("op0", "op1", "op2")), case.title


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


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    ours = Sample(np.array([1.0, 2.0, 9.0]))
    assert operations.ratio_of(ours, Sample(np.array([2.0, 2.0, 3.0]))) == 1.0
    assert operations.ratio_of(ours, Sample(np.array([2.0, 2.0, -1.0]))) == 1.0
    assert operations.ratio_of(ours, Sample(np.array([2.0, 0.5, -1.0]))) == 4.0  # of 0.5, 4 and what cannot be said
    assert operations.ratio_of(ours, Sample(np.array([1.0, -1.0, -1.0]))) is None


def test_a_mean_leaves_out_the_slowest_tenth() -> None:
    seconds = np.array([[3.0] * 9 + [100.0], [1.0] * 8 + [5.0, 100.0]])
    assert mean_of_most(seconds).tolist() == [3.0, 13 / 9]
    assert mean_of_most(np.array([7.0])) == 7.0


def test_settings_that_slow_the_blas_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: started.append(arguments))
    monkeypatch.delenv("OPENBLAS_L2_SIZE", raising=False)
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    machine.start_clean()
    assert not started
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    machine.start_clean()
    assert len(started) == 1
    assert "OPENBLAS_CORETYPE" not in os.environ
