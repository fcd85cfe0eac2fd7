"""How many times as long the new side takes: predictions and cold starts, pair by pair.

Every pair has processes of its own on both sides: two processes of the same program may differ by a few percent, for
where their pages happen to lie, and would differ so in every round. Within a pair both are loaded at once and take
turns; which side is first turns from pair to pair.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..comparison import cold_start
from ..comparison.matchups import OURS, short
from ..comparison.measuring import BLOCK_SECONDS
from ..comparison.worker_process import Worker, cores
from ..networks.images import Images
from ..networks.model_files import model_file
from ..utils import report
from ..utils.timing import median_interval
from .sides import Side

TURNS = 4  # blocks of each side in a pair
BOUNDS = {"prediction": 1.02, "cold start": 1.03}


@dataclass(frozen=True)
class Comparison:
    """Seconds of both sides, one number a pair."""

    network: str
    what: str
    new: list[float]
    old: list[float]

    @property
    def ratio(self) -> float:
        """The median of the pairs' own ratios, new over old: above 1 the new side is slower."""
        return float(np.median(self._ratios))

    @property
    def interval(self) -> tuple[float, float]:
        """Of the median, at 95%."""
        return median_interval(self._ratios)

    @property
    def slower(self) -> bool:
        """Whether all of the interval lies above what is allowed."""
        return self.interval[0] > BOUNDS[self.what]

    @property
    def _ratios(self) -> list[float]:
        return [new / old for new, old in zip(self.new, self.old, strict=True)]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio, "interval": self.interval, "slower": self.slower}


def compare(new: Side, old: Side, networks: Sequence[str], images: Images, pairs: int) -> list[Comparison]:
    """Measure predictions and cold starts of every network. Raises WorkerError or StartError where one fails."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        batch, output = Path(folder) / "in.npy", Path(folder) / "out.npy"
        for name in networks:
            np.save(batch, images.batch(name, 1))
            path = model_file(name, "safetensors")
            files = {"path": str(path), "images": str(batch), "output": str(output)}
            command = cold_start.command(OURS, path, batch)
            print(f"time: {short(name)}", file=sys.stderr, flush=True)
            predictions = [_predictions(_ordered(new, old, number), files) for number in range(pairs)]
            found.append(_comparison(name, "prediction", predictions))
            _starts((new, old), command)  # uncounted: both sides' files are in the page cache from here on
            starts = [_starts(_ordered(new, old, number), command) for number in range(pairs)]
            found.append(_comparison(name, "cold start", starts))
    return found


def _ordered(new: Side, old: Side, number: int) -> tuple[Side, Side]:
    return (old, new) if number % 2 else (new, old)


def _comparison(network: str, what: str, pairs: Sequence[dict[str, float]]) -> Comparison:
    return Comparison(network, what, [pair["new"] for pair in pairs], [pair["old"] for pair in pairs])


def _predictions(sides: Sequence[Side], files: dict[str, str]) -> dict[str, float]:
    """Seconds a prediction of fresh processes of both sides on one core: the median of their turns."""
    with ExitStack() as stack:
        workers = {side.title: stack.enter_context(Worker(OURS, 1, root=side.root)) for side in sides}
        for worker in workers.values():
            worker.ask("load", threads=1, cores=sorted(cores(1)), **files)
        seconds: dict[str, list[float]] = {title: [] for title in workers}
        for turn in range(TURNS):
            for title in list(workers) if turn % 2 == 0 else reversed(workers):
                seconds[title].append(workers[title].ask("block", seconds=BLOCK_SECONDS)["seconds"])
    return {title: float(np.median(values)) for title, values in seconds.items()}


def _starts(sides: Sequence[Side], command: list[str]) -> dict[str, float]:
    """Seconds of a whole process of both sides: import, load, one prediction, end."""
    return {side.title: cold_start.time_start(command, OURS, side.root)["whole"] for side in sides}


def table(comparisons: Sequence[Comparison]) -> str:
    """One line a network and kind of time."""
    cells = [("network", "", "old ms", "new ms", "new / old", "95% interval", "pairs", "")]
    for one in comparisons:
        low, high = one.interval
        times = (f"{1e3 * np.median(one.old):.3f}", f"{1e3 * np.median(one.new):.3f}")
        verdict = f"SLOWER than {BOUNDS[one.what]:g}" if one.slower else ""
        interval = f"{low:.3f} to {high:.3f}"
        cells.append((short(one.network), one.what, *times, f"{one.ratio:.3f}", interval, str(len(one.new)), verdict))
    return f"time, one image on one core\n{report.table(cells, left=(0, 1, 7))}"
