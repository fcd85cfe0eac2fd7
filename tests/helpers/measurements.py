"""Measurements that were made up: for tests of thresholds and targets."""

from __future__ import annotations

from benchmarks.comparison.matchups import Entry, groups
from benchmarks.comparison.measuring import Measurement
from benchmarks.comparison.targets import DENSE, FAST

GROUPS = {group.name: group for group in groups()}
MATCHUP = GROUPS["alexnet"].matchup(1, 1)
OURS, THEIRS = FAST, Entry("onnxruntime", DENSE)


def measured(ours: list[float], theirs: list[float]) -> dict[Entry, Measurement]:
    """Make the measurements of OURS and THEIRS, milliseconds an image round by round."""
    return {OURS: Measurement(OURS, rounds=ours), THEIRS: Measurement(THEIRS, rounds=theirs)}
