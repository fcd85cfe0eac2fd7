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

from .peers import ENGINES, Peer

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


class Worker:
    """The commands: each method that does not begin with an underscore."""

    def __init__(self, engine: str) -> None:
        self._engine = ENGINES[engine]
        self._peer: Peer | None = None
        self._batch = 0
        self._run_seconds = 0.0  # of the last block

    def load(self, path: str, pictures: str, threads: int, cores: list[int], output: str) -> dict[str, Any]:
        """Load the model file ``path`` for the batch in the .npy file ``pictures``, and save its result.

        From then on this process stays on ``cores``.
        """
        batch = np.load(pictures)
        self._peer = None
        self._peer = self._engine.make(path, batch, threads)
        self._batch, self._run_seconds = len(batch), 0.0
        self._peer.run()
        np.save(output, self._peer.result())
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)
        return {"facts": self._peer.facts()}

    def block(self, seconds: float) -> dict[str, Any]:
        """Predict for about ``seconds``, after runs that are not counted; seconds a picture."""
        peer = self._loaded()
        if self._run_seconds < LONG:
            _repeat(peer.run, WARM_SECONDS)
        count, passed = _repeat(peer.run, seconds)
        self._run_seconds = passed / count
        return {"seconds": passed / count / self._batch, "runs": count}

    def callers(self, callers: int, seconds: float) -> dict[str, Any]:
        """Predict for ``seconds`` from so many threads at once; predictions a second of each."""
        peer = self._loaded()
        runs = [peer.caller() for _ in range(callers)]  # type: ignore[attr-defined]
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

    def _loaded(self) -> Peer:
        if self._peer is None:
            raise ValueError("expected a model to be loaded first")
        return self._peer


def serve(worker: Worker, commands: TextIO, answers: TextIO) -> None:
    """Answer commands until there are no more."""
    for line in commands:
        try:
            command = json.loads(line)
            answer = getattr(worker, command.pop("command"))(**command)
        except Exception as error:  # whatever a framework raises is an answer too
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> int:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Worker(sys.argv[1]), sys.stdin, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
