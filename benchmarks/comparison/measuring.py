"""One matchup: workers started and loaded, results compared, then interleaved rounds."""

from __future__ import annotations

import hashlib
import itertools
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..networks.expected import expected, verified
from ..networks.images import Images
from ..networks.model_files import ConversionError, model_file
from ..utils import machine
from ..utils.timing import Sample
from .engines import ENGINES
from .matchups import OURS, Entry, Matchup
from .worker_process import Worker, WorkerError, cores, missing

CLOSE = 1e-5  # ours and the reference, as a share of the largest output
AGREE = 1e-4  # a float32 baseline and the reference
BLOCK_SECONDS = 0.02
FEWEST_ROUNDS = 5
LOADERS = 2  # workers that load at once


@dataclass
class Measurement:
    """What became of an entry. ``rounds``: milliseconds an image, one a round; empty where it did not run."""

    entry: Entry
    problem: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    difference: float | None = None
    """Largest distance from the definition of its precision, as a share of its largest number."""
    from_float32: float | None = None
    """The same, from the definition of float32."""
    share: float | None = None
    """Of ours in a lower precision: the largest distance of a node from its definition, as a share of what rounding
    can do there."""
    file_bytes: int = 0
    rounds: list[float] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        return Sample(np.array(self.rounds)).median

    @property
    def spread(self) -> float:
        return Sample(np.array(self.rounds)).spread

    def as_json(self) -> dict[str, Any]:
        numbers = {"milliseconds": self.milliseconds, "spread": self.spread} if self.rounds else {}
        own = {key: value for key, value in asdict(self).items() if key != "entry"}
        return {**asdict(self.entry), **numbers, **own}


Measurements = Mapping[Entry, Measurement]


def ratio(found: Measurements, theirs: Entry, ours: Entry) -> float | None:
    """Return the median of the rounds' own ratios, their time an image over ours: above 1 we are faster."""
    if theirs not in found or ours not in found or not found[theirs].rounds or not found[ours].rounds:
        return None
    return float(np.median(np.array(found[theirs].rounds) / np.array(found[ours].rounds)))


class Runner:
    """Measures matchups; ``block``: seconds of an entry in a round."""

    def __init__(self, images: Images, rounds: int, seconds: float, block: float = BLOCK_SECONDS) -> None:
        self._images, self._rounds, self._seconds, self._block = images, rounds, seconds, block
        self._turns = itertools.count()

    def measure(self, matchup: Matchup) -> dict[Entry, Measurement]:
        """Run every entry that can run."""
        found = {entry: Measurement(entry) for entry in matchup.entries}
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            files = {entry: path for entry, result in found.items() if (path := self._file(result))}
            with ThreadPoolExecutor(LOADERS) as pool:
                started = pool.map(lambda entry: self._start(stack, folder, found[entry], files[entry]), files)
                workers = {entry: worker for entry, worker in zip(files, started, strict=True) if worker}
            for entry in list(workers):
                if not self._is_right(found[entry], folder):
                    del workers[entry]
            self._rounds_of(workers, found, self._seconds * (2 if matchup.batch == matchup.threads == 1 else 1))
        return found

    def _file(self, result: Measurement) -> Path | None:
        """Find the model file of an entry that can run; None and ``result.problem`` where it cannot."""
        engine = result.entry.engine
        result.problem = missing(engine)
        try:
            return None if result.problem else model_file(result.entry.network, ENGINES[engine].suffix)
        except ConversionError as error:
            result.problem = str(error)
            return None

    def _start(self, stack: ExitStack, folder: Path, result: Measurement, path: Path) -> Worker | None:
        """Start a worker that loads its network and saves its results; None, and ``result.problem``, where it fails."""
        entry = result.entry
        batch, output = folder / f"{_slug(entry)}-in.npy", folder / f"{_slug(entry)}-out.npy"
        np.save(batch, self._images.batch(entry.network, entry.batch))
        files = {"path": str(path), "images": str(batch), "output": str(output)}
        kept = sorted(cores(entry.threads))
        try:
            worker = stack.enter_context(Worker(entry.engine, entry.threads, self._next_cores(entry.threads)))
            result.facts = worker.ask("load", threads=entry.threads, cores=kept, **files)["facts"]
        except WorkerError as error:
            result.problem = str(error)
            return None
        result.file_bytes = _size(path)
        return worker

    def _next_cores(self, threads: int) -> set[int]:
        """Choose cores to load on, in turn, so that workers of one core do not all load on the same."""
        allowed = sorted(machine.allowed())
        first = next(self._turns) % (len(allowed) - threads + 1)
        return set(allowed[first : first + threads])

    def _is_right(self, result: Measurement, folder: Path) -> bool:
        """Tell whether the results are those that their precision defines; if not, ``result.problem`` says so."""
        entry = result.entry
        output = np.load(folder / f"{_slug(entry)}-out.npy")
        result.difference = result.from_float32 = self._difference(entry, output)
        precision = ENGINES[entry.engine].precision
        if precision not in (None, "float32"):
            result.problem = self._wrong_in(precision, result, output)
            return result.problem is None
        bound = np.inf if precision is None else CLOSE if entry.engine.startswith(OURS) else AGREE
        if result.difference <= bound:
            return True
        result.problem = f"wrong: differs from the reference by {result.difference:.1e}, more than {bound:.0e}"
        return False

    def _wrong_in(self, precision: str, result: Measurement, output: np.ndarray) -> str | None:
        """Say what is wrong with results in a lower precision; None where nothing is."""
        entry = result.entry
        held = verified(entry.network, self._images.batch(entry.network, entry.batch)[0], precision)
        result.difference, result.share = held.difference, held.share
        if held.share > 1.0:
            return f"wrong: {held.node} is {held.share:.2g} times as far from its definition as rounding takes it"
        return None if np.array_equal(output[0], held.output) else "wrong: other bits than were held to the definition"

    def _difference(self, entry: Entry, output: np.ndarray) -> float:
        """Return the largest distance from the reference, as a share of its largest number; of a few of many images."""
        batch = self._images.batch(entry.network, entry.batch)
        few = sorted({0, len(batch) // 2, len(batch) - 1})  # the reference is slow
        wanted = np.stack([expected(entry.network, batch[number]) for number in few])
        return float(np.abs(output[few] - wanted).max() / np.abs(wanted).max())

    def _rounds_of(self, workers: Mapping[Entry, Worker], found: Measurements, seconds: float) -> None:
        """Run every worker once a round, in an order that turns; one that fails has no part in any round."""
        entries = list(workers)
        start = time.monotonic()
        for number in range(self._rounds):
            if number >= FEWEST_ROUNDS and time.monotonic() - start > seconds:
                break
            turn = number % max(1, len(entries))
            for entry in entries[turn:] + entries[:turn]:
                try:
                    answer = workers[entry].ask("block", seconds=self._block)
                    found[entry].rounds.append(1e3 * answer["seconds"])
                except WorkerError as error:
                    found[entry].problem, found[entry].rounds = str(error), []
                    entries.remove(entry)


def _slug(entry: Entry) -> str:
    return hashlib.sha256(entry.key.encode()).hexdigest()[:16]


def _size(path: Path) -> int:
    return (
        sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size
    )
