"""The parent's side of a worker: a process with one engine in it, kept to its cores, with an environment of its own."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..utils import machine
from .engines import ENGINES

PATIENCE = 600  # seconds for one command
MODULES = {"lcnn": "lcnn_engine", "onnxruntime": "onnxruntime", "openvino": "openvino", "tensorflow": "tensorflow",
           "ai-edge-litert": "ai_edge_litert"}  # fmt: skip


@contextmanager
def on_cores(kept: set[int]) -> Iterator[None]:
    """Keep this thread, and the processes that it starts meanwhile, to these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, kept)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class WorkerError(Exception):
    """A worker could not do what it was asked."""


def missing(engine: str) -> str | None:
    """Say why this engine cannot run here; None where it can."""
    entry = ENGINES[engine]
    if find_spec(MODULES[entry.package]) is None:
        return "not installed"
    if entry.package == "lcnn":
        from lcnn_engine import kernel_info

        info = kernel_info()
        if entry.isa not in (None, *info["isa_available"]) or entry.precision not in info["precisions"]:
            return "not for this processor"
    return None


def environment(engine: str, root: Path = machine.ROOT) -> dict[str, str]:
    """Return this process's environment without settings that slow a BLAS or lower our kernels, and the engine's own.

    ``root``: the folder whose packages are imported.
    """
    # Without files of bytecode a program would compile itself at every start, and so does no installed package.
    dropped = (*machine.BLAS_SETTINGS, "LCNN_ISA", "PYTHONDONTWRITEBYTECODE")
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    path = os.pathsep.join(filter(None, [str(root), kept.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, **ENGINES[engine].environment}


def cores(threads: int) -> set[int]:
    """Return the last ``threads`` cores that this process may use. Raises ValueError where it has fewer."""
    allowed = sorted(machine.allowed())
    if threads > len(allowed):
        raise ValueError(f"expected at most {len(allowed)} threads, one a core, got {threads}")
    return set(allowed[-threads:])


class Worker:
    """A running worker; use it in a ``with``.

    ``start_on``: the cores to start and load on, where those to measure on are busy with other workers' loading.
    ``root``: the folder whose ``benchmarks`` and ``lcnn_engine`` it imports.
    """

    def __init__(self, engine: str, threads: int, start_on: set[int] | None = None, root: Path = machine.ROOT) -> None:
        self.engine, self.threads = engine, threads
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        with on_cores(start_on or cores(threads)):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.comparison.worker", engine],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment(engine, root),
                cwd=root,
                text=True,
            )

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Give a command, one of ``worker.Commands``, and wait for its answer. Raises WorkerError."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            print(json.dumps({"command": command, **arguments}), file=stdin, flush=True)
            if not select.select([stdout], [], [], PATIENCE)[0]:
                self._process.kill()
                raise WorkerError(f"{self.engine} did not answer {command!r} within {PATIENCE} s")
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"{self.engine} ended with {self._process.wait()}: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.engine}: {answer['error']}")
        return answer

    @property
    def pid(self) -> int:
        return self._process.pid

    def _last_words(self) -> str:
        self._log.seek(0)
        return " ".join(self._log.read().split())[-500:] or "it said nothing"

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):  # a worker that died leaves what it did not read in our buffer
                stream.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
