"""Ctrl-C during training."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

import keras


class StopWhenInterrupted(keras.callbacks.Callback):
    """Ends a training with KeyboardInterrupt after the batch in which SIGINT came; a second SIGINT ends it at once.

    Python raises KeyboardInterrupt wherever the main thread happens to be, and where that is a callback out of
    TensorFlow's own code the exception is lost and the training goes on. Use as a context manager around `fit`, which
    puts the former handler back; outside the main thread, where signals never arrive, it does nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._came = False
        self._former: Any = None

    def __enter__(self) -> StopWhenInterrupted:
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._came:
            raise KeyboardInterrupt
        self._came = True

    def _stop(self) -> None:
        if self._came:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._stop()

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._stop()
