"""Everything that ``compare`` can measure, behind one object."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from ..networks.images import Images
from ..utils import machine
from . import callers, cold_start, surroundings
from .matchups import OURS, Entry, Matchup
from .measuring import Measurement, Runner
from .surroundings import Figure
from .worker_process import environment

COLD_ROUNDS = 5
CALLER_ROUNDS = 7
FIGURE_ROUNDS = 15
PREDICTIONS = 100_000  # over which memory must not grow


def say(what: str) -> None:
    """Tell on the standard error what is done now."""
    print(what, file=sys.stderr, flush=True)


class Harness:
    """Measures what it is asked for: matchups, cold starts, callers, figures, guarantees.

    ``rounds``, ``seconds``: at most so many, and about so long, a matchup.
    """

    def __init__(self, images: Images, rounds: int, seconds: float) -> None:
        self._images = images
        self._runner = Runner(images, rounds, seconds)

    def matchup(self, matchup: Matchup) -> dict[Entry, Measurement]:
        """Measure the entries of a matchup in interleaved rounds."""
        say(matchup.name)
        return self._runner.measure(matchup)

    def results_of(self, engine: str, networks: Sequence[str]) -> dict[Entry, Measurement]:
        """Compare an engine's results with the reference, and time nothing."""
        entries = tuple(Entry(engine, network) for network in networks)
        say(f"results of {engine}")
        return Runner(self._images, 0, 0.0).measure(Matchup(engine, 1, 1, entries, ()))

    def starts(self, entries: Sequence[Entry]) -> dict[Entry, cold_start.Start]:
        """Measure cold starts, which take turns."""
        say("cold starts")
        return cold_start.measure(entries, self._images, COLD_ROUNDS)

    def calls(self, entries: Sequence[Entry]) -> dict[Entry, callers.Calls]:
        """Measure the throughput of one and of two callers."""
        say("two callers")
        return callers.measure(entries, self._images, CALLER_ROUNDS)

    def call_cost(self, entry: Entry) -> Figure:
        """Measure the microseconds by which a call takes longer than its steps."""
        say("the cost of a call")
        return surroundings.call_cost(entry, self._images, FIGURE_ROUNDS)

    def beside_busy_core(self, entry: Entry) -> Figure:
        """Measure two threads, one on a busy core, against one."""
        say(f"{entry.network} beside a busy core")
        return surroundings.beside_busy_core(entry, self._images, FIGURE_ROUNDS)

    def normalising(self) -> Figure:
        """Measure how images become inputs, against the plain way."""
        say("normalising")
        return surroundings.normalising(FIGURE_ROUNDS)

    def guarantees(self, networks: Sequence[str]) -> dict[str, Any]:
        """Measure memory and same bits in a process of their own; nothing where that fails."""
        say("memory and same bits")
        module = [sys.executable, "-m", "benchmarks.comparison.guarantees"]
        command = [*module, str(PREDICTIONS), "small-lookup", *networks]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(OURS), cwd=machine.ROOT)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return {}
        return json.loads(done.stdout.splitlines()[-1])
