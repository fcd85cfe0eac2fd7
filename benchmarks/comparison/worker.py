"""``python -m benchmarks.comparison.worker ENGINE``: one engine in this process, told by lines of JSON what to do.

Every line on the standard input is a command with its arguments, and is answered by one line on the standard output:
an object, with ``error`` in it where something went wrong. Whatever libraries print goes to the standard error. The
process sleeps between commands, so that another worker can have the core.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .engines import ENGINES, LoadedModel

WARM_SECONDS = 0.005
LONG = 1.0  # seconds of a run in which what the caches held before is less than a percent


def _repeat(run: Callable[[], object], seconds: float) -> tuple[int, float]:
    """Call ``run`` once, and again until ``seconds`` are over; how often, and how long that took."""
    count, start = 0, time.perf_counter()
    while True:
        run()
        count += 1
        passed = time.perf_counter() - start
        if passed >= seconds:
            return count, passed


class Commands:
    """The commands: each method that does not begin with an underscore."""

    def __init__(self, engine: str) -> None:
        self._engine = ENGINES[engine]
        self._model: LoadedModel | None = None
        self._batch = 0
        self._run_seconds = 0.0  # of the last block

    def load(self, path: str, images: str, threads: int, cores: list[int], output: str) -> dict[str, Any]:
        """Load the model file ``path`` for the batch in the .npy file ``images``, and save its result.

        From then on this process stays on ``cores``.
        """
        batch = np.load(images)
        self._model = None
        self._model = self._engine.make(path, batch, threads)
        self._batch, self._run_seconds = len(batch), 0.0
        self._model.run()
        np.save(output, self._model.result())
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)
        return {"facts": self._model.facts()}

    def block(self, seconds: float) -> dict[str, Any]:
        """Predict for about ``seconds``, after runs that are not counted; return seconds an image."""
        model = self._loaded()
        if self._run_seconds < LONG:
            _repeat(model.run, WARM_SECONDS)
        count, passed = _repeat(model.run, seconds)
        self._run_seconds = passed / count
        return {"seconds": passed / count / self._batch, "runs": count}

    def steps(self, runs: int) -> dict[str, Any]:
        """Predict in turn as a program does and step by step; return both's seconds, the median of ``runs``."""
        model = self._loaded()
        calls, sums = [], []
        for _ in range(runs):
            start = time.perf_counter()
            model.run()
            calls.append(time.perf_counter() - start)
            sums.append(model.steps())  # type: ignore[attr-defined]
        return {"call": float(np.median(calls)), "steps": float(np.median(sums))}

    def callers(self, callers: int, seconds: float) -> dict[str, Any]:
        """Predict for ``seconds`` from so many threads at once; return predictions a second of each."""
        model = self._loaded()
        runs = [model.caller() for _ in range(callers)]  # type: ignore[attr-defined]
        gate = threading.Barrier(callers)
        rates = [0.0] * callers

        def call(number: int) -> None:
            runs[number]()
            gate.wait()
            count, passed = _repeat(runs[number], seconds)
            rates[number] = count / passed

        threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"rates": rates}

    def _loaded(self) -> LoadedModel:
        if self._model is None:
            raise ValueError("expected a model to be loaded first")
        return self._model


def serve(engine: Commands, commands: TextIO, answers: TextIO) -> None:
    """Answer commands until there are no more."""
    for line in commands:
        try:
            command = json.loads(line)
            answer = getattr(engine, command.pop("command"))(**command)
        except Exception as error:  # whatever a framework raises is an answer too
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> int:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Commands(sys.argv[1]), sys.stdin, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
