"""Interleaved rounds: every contender runs in every round, so that a drifting machine drifts for all alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

BLOCK_SECONDS = 0.002  # one contender's share of a round


@dataclass(frozen=True)
class Sample:
    """Seconds of one operation or run, one number a round."""

    rounds: np.ndarray

    @property
    def median(self) -> float:
        return float(np.median(self.rounds))

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, as a share of the median."""
        low, high = np.percentile(self.rounds, [25, 75])
        return float((high - low) / 2 / self.median) if self.median else 0.0


def repeats_for(run: Callable[[], object], block: float = BLOCK_SECONDS) -> int:
    """Return how often ``run`` fits into ``block`` seconds, at least once; it is warm afterwards."""
    run()
    start = time.perf_counter()
    run()
    return max(1, round(block / max(time.perf_counter() - start, 1e-7)))


def mean_seconds(run: Callable[[], object], repeats: int) -> float:
    """Return the mean wall time of ``repeats`` calls, after an uncounted one: another contender has had the caches."""
    run()
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def mean_of_most(seconds: np.ndarray) -> np.ndarray:
    """Return the means along the last axis without the slowest tenth, which met interrupts."""
    ordered, count = np.sort(seconds, axis=-1), seconds.shape[-1]
    return ordered[..., : max(1, count - count // 10)].mean(axis=-1)


def interleave(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Sample]:
    """Call every contender once a round, in an order that turns; return what each gave, as samples."""
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            seconds[name].append(contenders[name]())
    return {name: Sample(np.array(values)) for name, values in seconds.items()}


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return bounds of the median that hold at ``confidence``, whatever the distribution of independent ``values``.

    These are order statistics: how many of n values lie below the median is binomial (n, 1/2). With fewer than six
    values no pair of them is that certain at 0.95, and all of their range is returned.
    """
    ordered, count = sorted(values), len(values)
    outside, rank = 0.5**count, 0  # chance that the median lies below the value of that rank
    while outside + math.comb(count, rank + 1) * 0.5**count <= (1 - confidence) / 2:
        rank += 1
        outside += math.comb(count, rank) * 0.5**count
    return ordered[rank], ordered[count - 1 - rank]
