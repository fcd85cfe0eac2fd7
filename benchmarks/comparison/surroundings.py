"""What surrounds the kernels: the cost of a call, threads beside a core that is busy, images becoming inputs.

Each gives a :class:`Figure`, one number a round.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lcnn_engine.images.preprocessing import normalize
from lcnn_engine.model.graph import Preprocessing

from ..networks.images import Images
from ..networks.model_files import ConversionError, model_file
from ..utils.timing import mean_seconds, repeats_for
from .engines import ENGINES
from .matchups import Entry
from .worker_process import Worker, WorkerError, cores, on_cores

RUNS = 500  # predictions of a round of call_cost
BLOCK_SECONDS = 0.05


@dataclass
class Figure:
    """A number that is no ratio of a matchup, one a round."""

    problem: str | None = None
    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float | None:
        return float(np.median(self.rounds)) if self.rounds else None

    def as_json(self) -> dict[str, Any]:
        return {"median": self.median, **asdict(self)}


def call_cost(entry: Entry, images: Images, rounds: int) -> Figure:
    """Measure the microseconds by which ``run(x, out=)`` takes longer than all of its steps."""

    def measure(number: list[Worker]) -> float:
        answer = number[0].ask("steps", runs=RUNS)
        return 1e6 * (answer["call"] - answer["steps"])

    return _of_workers([(entry, cores(1))], images, rounds, measure)


def beside_busy_core(entry: Entry, images: Images, rounds: int) -> Figure:
    """Measure how many times as fast as one thread two are, where something else keeps one of their cores busy."""
    both = sorted(cores(2))
    alone, pair = Entry(entry.engine, entry.network), Entry(entry.engine, entry.network, threads=2)

    def measure(workers: list[Worker]) -> float:
        one, two = (worker.ask("block", seconds=BLOCK_SECONDS)["seconds"] for worker in workers)
        return float(one / two)

    with _busy(both[0]):
        return _of_workers([(alone, {both[1]}), (pair, set(both))], images, rounds, measure)


@contextmanager
def _busy(core: int) -> Iterator[None]:
    """Keep a core busy with a process that does nothing else."""
    with on_cores({core}):
        process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _of_workers(
    entries: Sequence[tuple[Entry, set[int]]],
    images: Images,
    rounds: int,
    measure: Callable[[list[Worker]], float],
) -> Figure:
    """Measure ``rounds`` times with workers that have loaded the entries, each to run on its cores."""
    figure = Figure()
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            workers = [stack.enter_context(Worker(entry.engine, entry.threads)) for entry, _ in entries]
            for number, (worker, (entry, kept)) in enumerate(zip(workers, entries, strict=True)):
                _load(worker, entry, kept, images, folder / str(number))
            measure(workers)
            figure.rounds = [measure(workers) for _ in range(rounds)]
    except (ConversionError, WorkerError) as error:
        figure.problem, figure.rounds = str(error), []
    return figure


def _load(worker: Worker, entry: Entry, kept: set[int], images: Images, path: Path) -> None:
    batch, output = path.with_suffix(".in.npy"), path.with_suffix(".out.npy")
    np.save(batch, images.batch(entry.network, 1))
    model = model_file(entry.network, ENGINES[entry.engine].suffix)
    files = {"path": str(model), "images": str(batch), "output": str(output)}
    worker.ask("load", threads=entry.threads, cores=sorted(kept), **files)


def normalising(rounds: int) -> Figure:
    """Measure how many times as long as ours the plain way takes to normalise 224x224x3 pixels: channel by channel."""
    rule = Preprocessing("RGB", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1 / 255)
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    assert np.array_equal(normalize(pixels, rule), plainly_normalised(pixels, rule))
    ways = [lambda: plainly_normalised(pixels, rule), lambda: normalize(pixels, rule)]
    figure = Figure()
    with on_cores(cores(1)):
        repeats = [repeats_for(way, BLOCK_SECONDS) for way in ways]
        for _ in range(rounds):
            plain, ours = (mean_seconds(way, count) for way, count in zip(ways, repeats, strict=True))
            figure.rounds.append(plain / ours)
    return figure


def plainly_normalised(pixels: np.ndarray, rule: Preprocessing) -> np.ndarray:
    """Compute ``(x * scale - mean) / std`` as one would write it first: the loops of NumPy go over three channels."""
    x = pixels.astype(np.float32)
    x *= np.float32(rule.scale)
    x -= np.array(rule.mean, np.float32)
    x /= np.array(rule.std, np.float32)
    return x
