"""Where buffers lie: one arena, shared by those that are not in use at the same time."""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..kernels import CONSTANTS
from .calls import KernelCall
from .layout import LINE, round_up

SLACK = CONSTANTS["SLACK"]  # floats before and behind all buffers: vectors may reach past the pixels that are kept
APART = CONSTANTS["APART"]  # floats between buffers: none, but where a sanitizer watches threads


class Buffer(NamedTuple):
    """A stretch of the arena, ``size`` floats. The call that first writes it may write it over any of the buffers
    ``replaces``, of the same size, which nobody reads later."""

    size: int
    replaces: tuple[int, ...] = ()


class Lifetime(NamedTuple):
    """Numbers of the first and the last call that a buffer is used by; (-1, -1): by none."""

    first: int = -1
    last: int = -1


class Arena(NamedTuple):
    """The offset of every buffer, and the floats of all of them with the slack around them."""

    offsets: tuple[int, ...]
    size: int


def lifetimes_of(calls: Iterable[KernelCall], buffers: int) -> list[Lifetime]:
    """Find from when to when each of so many buffers is in use."""
    lifetimes = [Lifetime()] * buffers
    for number, call in enumerate(calls):
        for buffer in call.buffers:
            first = lifetimes[buffer].first
            lifetimes[buffer] = Lifetime(number if first < 0 else first, number)
    return lifetimes


def place(buffers: Sequence[Buffer], lifetimes: Sequence[Lifetime]) -> Arena:
    """Give every buffer its offset, so that no two in use at one time overlap, but for those that replace another.

    In the order of first use, each in the smallest free stretch that holds it.
    """
    heirs, lifetimes = _replacements(buffers, lifetimes)
    offsets = [SLACK] * len(buffers)
    free = _FreeList()
    living: list[tuple[int, int, int]] = []  # heap of (last, offset, end)
    end = SLACK
    for number in sorted((n for n in range(len(buffers)) if n not in heirs), key=lambda n: lifetimes[n].first):
        while living and living[0][0] < lifetimes[number].first:
            _, start, stop = heapq.heappop(living)
            free.give_back(start, stop)
        size = round_up(buffers[number].size, LINE) + APART
        start_or_none = free.take(size)
        start, end = (end, end + size) if start_or_none is None else (start_or_none, end)
        offsets[number] = start
        heapq.heappush(living, (lifetimes[number].last, start, start + size))
    for heir, replaced in heirs.items():
        offsets[heir] = offsets[replaced]
    return Arena(tuple(offsets), end + SLACK)


def _replacements(buffers: Sequence[Buffer], lifetimes: Sequence[Lifetime]) -> tuple[dict[int, int], list[Lifetime]]:
    """Find buffers that can lie where another does that nobody reads any more, each with it; and lifetimes, where
    that of the other one lasts for as long as both."""
    found: dict[int, int] = {}
    lasting = list(lifetimes)
    for number in sorted(range(len(buffers)), key=lambda n: lifetimes[n].first):
        for replaced in buffers[number].replaces:
            root = found.get(replaced, replaced)
            if lasting[root].last == lifetimes[number].first:
                found[number] = root
                lasting[root] = Lifetime(lasting[root].first, lifetimes[number].last)
                break
    return found, lasting


class _FreeList:
    """Stretches of the arena that are free again, no two touching, found by size: to look at each in turn would take a
    graph of many nodes quadratic time."""

    def __init__(self) -> None:
        self._sizes: list[tuple[int, int]] = []  # (size, start), sorted
        self._stop_of: dict[int, int] = {}
        self._start_of: dict[int, int] = {}

    def take(self, size: int) -> int | None:
        """Take ``size`` floats of the smallest stretch that holds them; their start, or None."""
        i = bisect.bisect_left(self._sizes, (size, 0))
        if i == len(self._sizes):
            return None
        start = self._sizes[i][1]
        stop = self._remove(start)
        if stop - start > size:
            self._insert(start + size, stop)
        return start

    def give_back(self, start: int, stop: int) -> None:
        """Put [start, stop) back and join it with its neighbours."""
        if stop in self._stop_of:
            stop = self._remove(stop)
        if start in self._start_of:
            start = self._start_of[start]
            self._remove(start)
        self._insert(start, stop)

    def _insert(self, start: int, stop: int) -> None:
        bisect.insort(self._sizes, (stop - start, start))
        self._stop_of[start], self._start_of[stop] = stop, start

    def _remove(self, start: int) -> int:
        """Forget the stretch that begins at ``start``; where it ends."""
        stop = self._stop_of.pop(start)
        del self._start_of[stop]
        del self._sizes[bisect.bisect_left(self._sizes, (stop - start, start))]
        return stop
