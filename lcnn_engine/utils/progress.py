"""A bar on a terminal's standard error: how many things are done, how many a second, how long for the rest.

Forty lines of our own: the engine's one dependency beside NumPy is Pillow, and rich is the trainer's.
"""

from __future__ import annotations

from time import monotonic

from .text import note

__all__ = ["NOTE_EVERY", "Progress"]

BAR = 24  # columns
NOTE_EVERY = 0.25  # seconds


class Progress:
    """What is shown while images are worked on."""

    def __init__(self) -> None:
        self._before: int | None = None  # that were done when this was first called

    def show(self, done: int, total: int | None = None) -> None:
        """Say that ``done`` images are done, of ``total`` where that is known: four times a second at most."""
        now = monotonic()
        if self._before is None:
            self._before = done
            self._start = self._noted = now
        if done > self._before and now - self._noted >= NOTE_EVERY:
            self._noted = now
            note(_line(done, total, (done - self._before) / (now - self._start)))


def _line(done: int, total: int | None, rate: float) -> str:
    if total is None:
        return f"{done:,} images, {rate:,.0f}/s"
    filled = "#" * (BAR * done // total)
    left = round((total - done) / rate)
    time = f"{left // 60}:{left % 60:02} left"
    return f"[{filled:{BAR}}] {done:,} of {total:,}, {rate:,.0f}/s, {time}"
