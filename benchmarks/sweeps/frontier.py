"""Time at equal accuracy: the networks that no faster one beats, and what lies between two of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BELOW_BEST, LOWEST, STEP = 0.5, 3.0, 0.25  # points under the reference: from, to, by
BARS = {"float32": 0.65, "any": 0.9}
"""What share of the others' time ours may take."""


@dataclass(frozen=True)
class Point:
    """A network in an engine: accuracy in percent, time of one image."""

    accuracy: float
    milliseconds: float
    name: str = ""


@dataclass(frozen=True)
class AtAccuracy:
    """The least times at an accuracy, ours and theirs; None where nobody's network is that good."""

    accuracy: float
    ours: float | None
    theirs: float | None

    @property
    def ratio(self) -> float | None:
        """Ours over theirs: below 1 ours is faster."""
        return None if self.ours is None or self.theirs is None else self.ours / self.theirs


def front(points: Iterable[Point]) -> list[Point]:
    """Choose the points that no faster one equals in accuracy, fastest first."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda one: (one.milliseconds, -one.accuracy)):
        if not kept or point.accuracy > kept[-1].accuracy:
            kept.append(point)
    return kept


def time_at(points: Sequence[Point], accuracy: float) -> float | None:
    """Return the time at an accuracy, on a line between the two neighbours on the front, time logarithmic.

    Below the least accurate network it is that one's time; above the best there is none.
    """
    line = front(points)
    if not line or accuracy > line[-1].accuracy:
        return None
    if accuracy <= line[0].accuracy:
        return line[0].milliseconds
    number = next(number for number, point in enumerate(line) if point.accuracy >= accuracy)
    low, high = line[number - 1], line[number]
    share = (accuracy - low.accuracy) / (high.accuracy - low.accuracy)
    return math.exp((1 - share) * math.log(low.milliseconds) + share * math.log(high.milliseconds))


def at_equal_accuracy(ours: Sequence[Point], theirs: Sequence[Point], reference: float) -> list[AtAccuracy]:
    """Compare both at accuracies from the ``reference`` less ``BELOW_BEST`` to that less ``LOWEST``."""
    count = round((LOWEST - BELOW_BEST) / STEP) + 1
    wanted = [reference - BELOW_BEST - STEP * number for number in range(count)]
    return [AtAccuracy(accuracy, time_at(ours, accuracy), time_at(theirs, accuracy)) for accuracy in wanted]
