"""Cold starts: a fresh process imports its engine, loads a model file and predicts one image; time and memory.

The page cache is warm: every entry starts once uncounted. One core, one thread; entries take turns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..networks.images import Images
from ..networks.model_files import ConversionError, model_file
from ..utils.machine import ROOT
from .engines import ENGINES
from .matchups import Entry
from .worker_process import cores, environment, missing, on_cores

MODULE = "benchmarks.comparison.first_prediction"


class StartError(Exception):
    """A process failed before its first prediction; the message is the end of what it printed."""


@dataclass
class Start:
    """Cold starts of an entry: numbers, one a start."""

    entry: Entry
    problem: str | None = None
    first: list[float] = field(default_factory=list)
    """Seconds from the start of the process to its first prediction."""
    whole: list[float] = field(default_factory=list)
    """Seconds until the process has ended."""
    peak: list[float] = field(default_factory=list)
    """Most memory that it ever held, in MiB (VmHWM)."""

    def median(self, what: str) -> float | None:
        values = getattr(self, what)
        return float(np.median(values)) if values else None

    def as_json(self) -> dict[str, Any]:
        lists = {"first": self.first, "whole": self.whole, "peak": self.peak}
        medians = {f"{what}_median": self.median(what) for what in lists}
        return {"engine": self.entry.engine, "network": self.entry.network, "problem": self.problem, **medians, **lists}


Starts = Mapping[Entry, Start]


def quotient(found: Starts, what: str, ours: Entry, theirs: Entry) -> float | None:
    """Return our median over theirs: below 1 we are better."""
    if ours not in found or theirs not in found:
        return None
    own, other = found[ours].median(what), found[theirs].median(what)
    return own / other if own is not None and other else None


def measure(entries: Sequence[Entry], images: Images, rounds: int) -> dict[Entry, Start]:
    """Start every entry ``rounds`` times, and once before that is not counted."""
    found = {entry: Start(entry) for entry in entries}
    with tempfile.TemporaryDirectory() as folder:
        commands: dict[Entry, list[str]] = {}
        for entry, start in found.items():
            own = _command(start, images, Path(folder) / f"{len(commands)}.npy")
            if own:
                commands[entry] = own
        for number in range(rounds + 1):
            order = list(commands)
            turn = number % max(1, len(order))
            for entry in order[turn:] + order[:turn]:
                if not found[entry].problem:
                    _run(found[entry], commands[entry], counted=number > 0)
    return found


def _command(start: Start, images: Images, batch: Path) -> list[str] | None:
    entry = start.entry
    start.problem = missing(entry.engine)
    if start.problem:
        return None
    try:
        path = model_file(entry.network, ENGINES[entry.engine].suffix)
    except ConversionError as error:
        start.problem = str(error)
        return None
    np.save(batch, images.batch(entry.network, 1))
    return command(entry.engine, path, batch)


def _run(start: Start, command: list[str], counted: bool) -> None:
    try:
        times = time_start(command, start.entry.engine)
    except StartError as error:
        start.problem = str(error)
        return
    if counted:
        start.first.append(times["first"])
        start.whole.append(times["whole"])
        start.peak.append(times["peak"])


def command(engine: str, model: Path, batch: Path) -> list[str]:
    """Return the command of a process that predicts the batch of a .npy file once."""
    return [sys.executable, "-m", MODULE, engine, str(model), str(batch)]


def time_start(command: list[str], engine: str, root: Path = ROOT) -> dict[str, float]:
    """Start a process and wait for its end: seconds to its ``first`` prediction and of the ``whole``, ``peak`` MiB.

    ``root``: the folder whose packages it imports. Raises StartError where it fails.
    """
    with on_cores(cores(1)):
        begin = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, env=environment(engine, root), cwd=root)
        end = time.monotonic()
    if done.returncode:
        raise StartError(" ".join(done.stderr.split())[-300:] or f"ended with {done.returncode}")
    answer = json.loads(done.stdout.splitlines()[-1])
    # The monotonic clock is the machine's, so both processes read the same.
    return {"first": answer["predicted"] - begin, "whole": end - begin, "peak": answer["peak_kib"] / 1024}
