"""Thresholds: how a number is read off the measurements, and held against what it must reach, run by run.

Which thresholds there are, ``targets`` lists. Speed is a ratio of times of the same rounds; a ratio is compared as it
is printed, with two decimals. What was not measured does not hold. A threshold is a property of the program and not of
a lucky run: it must hold in four of five runs, and no run is measured again because of what it gave.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .callers import Calls
from .cold_start import Start, quotient
from .matchups import Entry, Matchup
from .measuring import Measurement, ratio
from .surroundings import Figure

SHARE = 4 / 5  # of the runs in which a threshold must hold


@dataclass
class Results:
    """All that was measured in one run."""

    matchups: dict[str, dict[Entry, Measurement]] = field(default_factory=dict)
    starts: dict[Entry, Start] = field(default_factory=dict)
    calls: dict[Entry, Calls] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    guarantees: dict[str, Any] = field(default_factory=dict)


Metric = Callable[[Results], float | None]
"""Reads a number off the results; None where it was not measured."""


def speedup(matchup: Matchup, theirs: Entry, ours: Entry) -> Metric:
    """Divide the time an image of ``theirs`` by that of ``ours``, both of one matchup."""
    return lambda results: ratio(results.matchups.get(matchup.name, {}), theirs, ours)


def cold_start(what: str, theirs: Entry, ours: Entry) -> Metric:
    """Divide our cold start by theirs: time of the ``whole`` process, or ``peak`` memory."""
    return lambda results: quotient(results.starts, what, ours, theirs)


def two_callers(entry: Entry) -> Metric:
    """Divide the throughput of two callers by that of one."""
    return lambda results: results.calls[entry].ratio if entry in results.calls else None


def figure(name: str) -> Metric:
    """Take the median of a figure."""
    return lambda results: results.figures[name].median if name in results.figures else None


@dataclass(frozen=True)
class Threshold:
    """A metric and what it must reach: ``bound`` must hold, ``aim`` is hoped for. ``at_most``: small numbers are
    good. ``shown``: the format it is printed and compared in. ``about``: more that tables say of it."""

    title: str
    metric: Metric
    bound: float | None
    aim: float | None = None
    at_most: bool = False
    shown: str = ".2f"
    about: Mapping[str, str] = field(default_factory=dict)

    def meets(self, value: float | None, wanted: float | None) -> bool:
        """Tell whether ``value`` reaches ``wanted``; anything reaches None."""
        if wanted is None:
            return True
        if value is None:
            return False
        value = float(format(value, self.shown))
        return value <= wanted if self.at_most else value >= wanted


@dataclass(frozen=True)
class Verdict:
    """A threshold and what was measured, one value a run."""

    threshold: Threshold
    values: Sequence[float | None]

    @property
    def median(self) -> float | None:
        found = [value for value in self.values if value is not None]
        return float(np.median(found)) if found else None

    @property
    def holds_in(self) -> int:
        """The number of runs in which it holds."""
        return sum(self.threshold.meets(value, self.threshold.bound) for value in self.values)

    @property
    def holds(self) -> bool:
        return self.holds_in >= math.ceil(SHARE * len(self.values))

    @property
    def reaches_aim(self) -> bool | None:
        """Whether the median does."""
        return None if self.threshold.aim is None else self.threshold.meets(self.median, self.threshold.aim)

    def as_json(self) -> dict[str, Any]:
        one = self.threshold
        wanted = {"bound": one.bound, "aim": one.aim, "at_most": one.at_most}
        found = {"values": list(self.values), "median": self.median, "holds_in": self.holds_in}
        verdict = {"holds": self.holds, "reaches_aim": self.reaches_aim}
        return {"threshold": one.title, **one.about, **wanted, **found, **verdict}


def values_of(thresholds: Sequence[Threshold], results: Results) -> dict[str, float | None]:
    """Read every threshold's number off one run, by its title."""
    return {one.title: one.metric(results) for one in thresholds}


def judge(thresholds: Sequence[Threshold], runs: Sequence[Mapping[str, float | None]]) -> list[Verdict]:
    """Give every threshold's verdict on the values of ``runs``, by their titles."""
    return [Verdict(one, [values.get(one.title) for values in runs]) for one in thresholds]
