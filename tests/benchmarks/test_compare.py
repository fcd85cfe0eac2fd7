"""The comparison on something small, from its workers to its report, and everything that it refuses."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks import compare
from benchmarks.comparison import cold, model_files, workers
from benchmarks.comparison.contests import Contest, Entry, groups
from benchmarks.comparison.measuring import Runner
from benchmarks.comparison.peers import ENGINES
from benchmarks.comparison.pictures import Pictures
from benchmarks.comparison.workers import Worker, WorkerError
from lcnn_engine import Net, write_model
from tests.helpers.networks import small_classifier

OURS, PEER = Entry("lcnn", "small-lookup"), Entry("onnxruntime", "small-lookup:dense-twin")


@pytest.fixture
def loaded(results: Path, tmp_path: Path) -> dict[str, str]:
    """Arguments of the command ``load``."""
    np.save(tmp_path / "in.npy", Pictures().batch("small-lookup", 2))
    return {
        "path": str(model_files.model_file("small-lookup", "safetensors")),
        "pictures": str(tmp_path / "in.npy"),
        "output": str(tmp_path / "out.npy"),
    }


def test_a_worker_does_what_it_is_told(loaded: dict[str, str]) -> None:
    core = sorted(os.sched_getaffinity(0))[0]
    with Worker("lcnn", 1) as worker:
        with pytest.raises(WorkerError, match="expected a model to be loaded first"):
            worker.ask("block", seconds=0.001)
        facts = worker.ask("load", threads=1, cores=[core], **loaded)["facts"]
        assert set(facts) == {"isa", "blas_core"}
        expected = Net.load(loaded["path"], threads=1).run(np.load(loaded["pictures"]))
        assert np.array_equal(np.load(loaded["output"]), expected)
        answer = worker.ask("block", seconds=0.01)
        assert answer["runs"] * 2 * answer["seconds"] >= 0.01
        assert len(worker.ask("callers", callers=2, seconds=0.01)["rates"]) == 2
        with pytest.raises(WorkerError, match="AttributeError"):
            worker.ask("nonsense")
        assert os.sched_getaffinity(worker.pid) == {core}


def test_a_worker_that_dies_is_an_error_of_ours() -> None:
    with Worker("lcnn", 1) as worker:
        os.kill(worker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)  # dead before it is asked: nothing reads the question
        with pytest.raises(WorkerError, match="lcnn ended with -9"):
            worker.ask("block", seconds=0.01)


def test_a_worker_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE", 0.01)
    with Worker("lcnn", 1) as worker, pytest.raises(WorkerError, match="did not answer 'block' within"):
        worker.ask("block", seconds=0.01)


def test_an_engine_gets_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCNN_ISA", "scalar")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "1")
    assert not {"LCNN_ISA", "OPENBLAS_L2_SIZE", "OPENBLAS_CORETYPE"} & set(workers.environment("lcnn"))
    lowered = workers.environment("lcnn-avx2")
    assert (lowered["LCNN_ISA"], lowered["OPENBLAS_CORETYPE"]) == ("avx2", "Haswell")


def test_workers_take_turns(results: Path) -> None:
    contest = Contest("small", 1, 1, (OURS, PEER), (OURS,))
    found = Runner(Pictures(), 3, 60.0).measure(contest)
    assert [found[entry].problem for entry in (OURS, PEER)] == [None, None]
    assert [len(found[entry].rounds) for entry in (OURS, PEER)] == [3, 3]
    assert all(0 < found[entry].milliseconds < 1000 for entry in (OURS, PEER))
    assert found[OURS].difference <= 1e-5
    assert found[PEER].file_bytes > 10**6


def test_wrong_results_are_not_timed(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Runner._reference
    monkeypatch.setattr(Runner, "_reference", lambda *arguments: 1.001 * right(*arguments))
    found = Runner(Pictures(), 3, 60.0).measure(Contest("small", 1, 1, (OURS,), (OURS,)))
    assert found[OURS].problem.startswith("wrong: differs from the reference by 1.0e-03")
    assert not found[OURS].rounds


def test_a_missing_package_leaves_the_others_running(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = workers.find_spec
    monkeypatch.setattr(workers, "find_spec", lambda name: None if name == "onnxruntime" else real(name))
    found = Runner(Pictures(), 1, 1.0).measure(Contest("small", 1, 1, (OURS, PEER), (OURS,)))
    assert found[PEER].problem == "not installed"
    assert found[OURS].rounds
    starts = cold.measure([PEER], Pictures(), 1)
    assert starts[PEER].problem == "not installed"


def test_a_missing_converter_is_told(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(model_files.CONVERTERS, "onnx", (Path(__file__), "no-such-package"))
    found = Runner(Pictures(), 1, 1.0).measure(Contest("small", 1, 1, (PEER,), (OURS,)))
    assert "no-such-package, which is not installed" in found[PEER].problem


def test_a_model_file_is_made_once_and_anew_when_its_source_changes(
    results: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "mine.safetensors"
    write_model(*small_classifier(), model)
    name = f"{model}:dense-twin"
    first = model_files.model_file(name, "safetensors")
    written = first.stat().st_mtime_ns
    assert model_files.model_file(name, "safetensors").stat().st_mtime_ns == written
    graph, tensors = small_classifier()
    write_model(
        graph, {key: tensor * (2 if tensor.dtype == np.float32 else 1) for key, tensor in tensors.items()}, model
    )
    second = model_files.model_file(name, "safetensors")
    assert second != first
    assert not first.exists()


def test_a_cold_start(results: Path) -> None:
    start = cold.measure([OURS], Pictures(), 2)[OURS]
    assert start.problem is None
    assert len(start.whole) == 2
    assert 0.01 < start.median("first") < start.median("whole") < 60
    assert 10 < start.median("peak") < 4000


def test_the_command(results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(compare, "PREDICTIONS", 2000)
    command = ["small", "--batch", "1", "--threads", "1", "--rounds", "2", "--name", "few", "--engines"]
    assert compare.main([*command, "lcnn", "lcnn-scalar", "onnxruntime"]) == 0
    out = capsys.readouterr().out
    assert "blas_core" in out
    found = json.loads((results / "few.json").read_text())
    rows = found["contests"]["small, batch 1, threads 1"]
    assert {row["engine"] for row in rows} == {"lcnn", "onnxruntime"}
    dense = next(row for row in rows if row["network"] == "small-lookup:dense-twin" and row["engine"] == "onnxruntime")
    assert dense["ratios"]["small-lookup"] > 0
    assert found["only_compared"][0]["difference"] <= 1e-5
    assert found["promises"]["other_bits"] == {"small-lookup": []}
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
        (["alexnut"], "expected networks among alexnet, "),
        ([__file__], "expected"),
        (["small", "--image", "digit.png"], "expected --image with a network that says how to prepare pictures"),
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


class PicturesOfNothing:
    def source(self, name: str) -> str:
        return "nothing"

    def batch(self, name: str, size: int) -> None:
        return None


def test_a_part_is_not_written_over_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "measure", lambda lab, chosen, options: ([], compare.Results()))
    monkeypatch.setattr(compare, "Pictures", lambda image: PicturesOfNothing())
    names: list[str] = []
    monkeypatch.setattr(compare, "_report", lambda options, *rest: names.append(options.name))
    for arguments in (["small"], ["--batch", "1"], ["--threads", "1"], ["--engines", "lcnn"], ["--rounds", "7"]):
        compare.main(arguments)
    assert names == ["compare-part"] * 4 + ["compare"]


def test_a_missed_bar_ends_with_1(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--check`` without any measurement: nothing holds."""
    monkeypatch.setattr(compare, "measure", lambda lab, chosen, options: ([], compare.Results()))
    assert compare.main(["small", "--check", "--name", "none"]) == 1
    bars = json.loads((results / "none.json").read_text())["bars"]
    assert bars
    assert not any(bar["holds"] for bar in bars if bar["bound"] is not None)
    assert compare.main(["small", "--name", "none"]) == 0


def test_every_group_has_engines_that_exist() -> None:
    for group in groups():
        for entry in group.contest(32, 2).entries + group.contest(1, 1).entries:
            assert entry.engine in ENGINES


def test_peers_are_imported_where_they_are_used() -> None:
    """The cold start of one engine must not pay for another's import."""
    code = "import sys, benchmarks.comparison.peers; print(*sys.modules)"
    loaded = os.popen(f"{sys.executable} -c '{code}'").read().split()
    assert not {"onnxruntime", "openvino", "tensorflow", "ai_edge_litert", "lcnn_engine", "scipy"} & set(loaded)
