"""Measurements that were made up, and a harness that gives them: for tests of thresholds and targets."""

from __future__ import annotations

from benchmarks.comparison.callers import Calls
from benchmarks.comparison.cold_start import Start
from benchmarks.comparison.matchups import Entry, groups
from benchmarks.comparison.measuring import Measurement
from benchmarks.comparison.targets import DENSE, FAST

GROUPS = {group.name: group for group in groups()}
MATCHUP = GROUPS["alexnet"].matchup(1, 1)
OURS, THEIRS = FAST, Entry("onnxruntime", DENSE)


def measured(ours: list[float], theirs: list[float]) -> dict[Entry, Measurement]:
    """Make the measurements of OURS and THEIRS, milliseconds an image round by round."""
    return {OURS: Measurement(OURS, rounds=ours), THEIRS: Measurement(THEIRS, rounds=theirs)}


class FixedHarness:
    """Measures the same ratio every time, and remembers what it was asked for."""

    def __init__(self, times: float) -> None:
        self.times = times
        self.asked: list[object] = []

    def matchup(self, matchup) -> dict[Entry, Measurement]:
        self.asked.append(matchup)
        return measured([1.0], [self.times])

    def starts(self, entries) -> dict[Entry, Start]:
        self.asked.append(entries)
        return {entry: Start(entry, whole=[1.0], peak=[1.0]) for entry in entries}

    def calls(self, entries) -> dict[Entry, Calls]:
        self.asked.append(entries)
        return {entry: Calls(entry, alone=[1.0], together=[[self.times / 2] * 2]) for entry in entries}
