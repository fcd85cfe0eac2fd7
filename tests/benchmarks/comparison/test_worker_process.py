"""A worker in a process of its own, and what becomes of it where it fails."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison import worker_process
from benchmarks.comparison.worker_process import Worker, WorkerError
from benchmarks.networks import model_files
from benchmarks.networks.images import Images
from lcnn_engine import Net


@pytest.fixture
def loaded(results: Path, tmp_path: Path) -> dict[str, str]:
    """Arguments of the command ``load``."""
    np.save(tmp_path / "in.npy", Images().batch("small-lookup", 2))
    return {
        "path": str(model_files.model_file("small-lookup", "safetensors")),
        "images": str(tmp_path / "in.npy"),
        "output": str(tmp_path / "out.npy"),
    }


def test_a_worker_does_what_it_is_told(loaded: dict[str, str]) -> None:
    core = sorted(os.sched_getaffinity(0))[0]
    with Worker("lcnn", 1) as worker:
        with pytest.raises(WorkerError, match="expected a model to be loaded first"):
            worker.ask("block", seconds=0.001)
        facts = worker.ask("load", threads=1, cores=[core], **loaded)["facts"]
        assert set(facts) == {"isa", "blas_core"}
        expected = Net.load(loaded["path"], threads=1).run(np.load(loaded["images"]))
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
    monkeypatch.setattr(worker_process, "PATIENCE", 0.01)
    with Worker("lcnn", 1) as worker, pytest.raises(WorkerError, match="did not answer 'block' within"):
        worker.ask("block", seconds=0.01)


def test_an_engine_gets_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCNN_ISA", "scalar")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "1")
    assert not {"LCNN_ISA", "OPENBLAS_L2_SIZE", "OPENBLAS_CORETYPE"} & set(worker_process.environment("lcnn"))
    lowered = worker_process.environment("lcnn-avx2")
    assert (lowered["LCNN_ISA"], lowered["OPENBLAS_CORETYPE"]) == ("avx2", "Haswell")
