"""Ctrl-C, and a polite request to end, during training."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Notes SIGINT and SIGTERM, so that a training can end after a step, with a checkpoint; a second ends it at once.

    Python raises KeyboardInterrupt wherever the main thread happens to be, and where that is a callback out of
    TensorFlow's own code the exception is lost and the training goes on. Use as a context manager, which puts the
    former handlers back; outside the main thread, where signals never arrive, it does nothing.
    """

    def __init__(self) -> None:
        self.came: signal.Signals | None = None
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def leave(self) -> NoReturn:
        """End the process as the signal asked, with the exit status that shells give it."""
        if self.came is signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.came is not None:
            raise KeyboardInterrupt
        self.came = signal.Signals(number)
