"""Thresholds: how a number is read off the measurements, held against what it must reach, and measured once more.

Which thresholds there are, ``targets`` lists. Speed is a ratio of times of the same rounds; a ratio is compared as it
is printed, with two decimals. What was not measured does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .callers import Calls
from .cold_start import Start, quotient
from .matchups import Entry, Matchup
from .measuring import Measurement, again, ratio


@dataclass
class Results:
    """All that was measured."""

    matchups: dict[str, dict[Entry, Measurement]] = field(default_factory=dict)
    starts: dict[Entry, Start] = field(default_factory=dict)
    calls: dict[Entry, Calls] = field(default_factory=dict)
    guarantees: dict[str, Any] = field(default_factory=dict)


class Harness(Protocol):
    """Measures; each method gives new measurements of a few entries."""

    def matchup(self, matchup: Matchup) -> dict[Entry, Measurement]: ...

    def starts(self, entries: Sequence[Entry]) -> dict[Entry, Start]: ...

    def calls(self, entries: Sequence[Entry]) -> dict[Entry, Calls]: ...


@dataclass(frozen=True)
class Metric:
    """A number: how to read it off the results, and how to measure just its part ``again``."""

    read: Callable[[Results], float | None]
    again: Callable[[Harness], Results] | None = None
    """None: the number is what it is."""


def speedup(matchup: Matchup, theirs: Entry, ours: Entry) -> Metric:
    """Divide the time an image of ``theirs`` by that of ``ours``, both of one matchup."""
    return Metric(
        lambda results: ratio(results.matchups.get(matchup.name, {}), theirs, ours),
        lambda harness: Results(matchups={matchup.name: harness.matchup(again(matchup, [theirs, ours]))}),
    )


def cold_start(what: str, theirs: Entry, ours: Entry) -> Metric:
    """Divide our cold start by theirs: time of the ``whole`` process, or ``peak`` memory."""
    return Metric(
        lambda results: quotient(results.starts, what, ours, theirs),
        lambda harness: Results(starts=harness.starts([theirs, ours])),
    )


def two_callers(entry: Entry) -> Metric:
    """Divide the throughput of two callers by that of one."""
    return Metric(
        lambda results: results.calls[entry].ratio if entry in results.calls else None,
        lambda harness: Results(calls=harness.calls([entry])),
    )


@dataclass(frozen=True)
class Threshold:
    """A metric and what it must reach: ``bound`` must hold, ``aim`` is hoped for. ``at_most``: small numbers are
    good. ``shown``: the format it is printed and compared in."""

    title: str
    metric: Metric
    bound: float | None
    aim: float | None = None
    at_most: bool = False
    shown: str = ".2f"

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
    """A threshold and what was measured; ``second``: once more, because the first missed it. The better one counts."""

    threshold: Threshold
    first: float | None
    second: float | None = None

    @property
    def value(self) -> float | None:
        saved = self.second is not None and self.threshold.meets(self.second, self.threshold.bound)
        return self.second if saved else self.first

    @property
    def holds(self) -> bool:
        return self.threshold.meets(self.value, self.threshold.bound)

    @property
    def reaches_aim(self) -> bool | None:
        return None if self.threshold.aim is None else self.threshold.meets(self.value, self.threshold.aim)

    def as_json(self) -> dict[str, Any]:
        one = self.threshold
        numbers = {"bound": one.bound, "aim": one.aim, "at_most": one.at_most, "first": self.first}
        verdict = {"second": self.second, "value": self.value, "holds": self.holds, "reaches_aim": self.reaches_aim}
        return {"threshold": one.title, **numbers, **verdict}


def judge(thresholds: Sequence[Threshold], results: Results, harness: Harness | None = None) -> list[Verdict]:
    """Give every threshold's verdict; with a ``harness``, what misses is measured once more before it counts."""
    verdicts = []
    for one in thresholds:
        first, again = one.metric.read(results), one.metric.again
        misses = first is not None and not one.meets(first, one.bound)
        second = one.metric.read(again(harness)) if misses and harness is not None and again is not None else None
        verdicts.append(Verdict(one, first, second))
    return verdicts
