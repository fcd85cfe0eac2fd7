"""Several threads that predict with one network at once, each on one core of its own: throughput."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..networks.images import Images
from ..networks.model_files import ConversionError, model_file
from .engines import ENGINES
from .matchups import Entry
from .worker_process import Worker, WorkerError, cores, missing

SECONDS = 0.25


@dataclass
class Calls:
    """An entry's predictions a second: one caller, and two at once, round by round."""

    entry: Entry
    problem: str | None = None
    alone: list[float] = field(default_factory=list)
    together: list[list[float]] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """Median of the rounds' ratios: predictions of two callers over those of one."""
        if not self.alone:
            return None
        return float(np.median([sum(two) / one for one, two in zip(self.alone, self.together, strict=True)]))

    def as_json(self) -> dict[str, Any]:
        own = {"ratio": self.ratio, "problem": self.problem, "alone": self.alone, "together": self.together}
        return {"engine": self.entry.engine, "network": self.entry.network, **own}


def measure(entries: Sequence[Entry], images: Images, rounds: int) -> dict[Entry, Calls]:
    """Measure one caller and two callers in turn, engine after engine."""
    return {entry: _measure(Calls(entry), images, rounds) for entry in entries}


def _measure(calls: Calls, images: Images, rounds: int) -> Calls:
    entry = calls.entry
    calls.problem = missing(entry.engine)
    if calls.problem:
        return calls
    both = cores(2)
    try:
        path = model_file(entry.network, ENGINES[entry.engine].suffix)
        with tempfile.TemporaryDirectory() as folder, Worker(entry.engine, 2) as worker:
            batch, output = Path(folder) / "in.npy", Path(folder) / "out.npy"
            np.save(batch, images.batch(entry.network, 1))
            files = {"path": str(path), "images": str(batch), "output": str(output)}
            worker.ask("load", threads=1, cores=sorted(both), **files)
            worker.ask("callers", callers=2, seconds=SECONDS)
            for _ in range(rounds):
                calls.alone.append(sum(worker.ask("callers", callers=1, seconds=SECONDS)["rates"]))
                calls.together.append(worker.ask("callers", callers=2, seconds=SECONDS)["rates"])
    except (ConversionError, WorkerError) as error:
        calls.problem, calls.alone, calls.together = str(error), [], []
    return calls
