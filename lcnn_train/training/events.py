"""Who is told how a training goes: the screen, the event log, TensorBoard. They change nothing of it."""

from __future__ import annotations

import importlib.util
import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import tensorflow as tf

from lcnn_engine.utils.moved import former_names
from lcnn_train.errors import ConfigError


@dataclass(frozen=True)
class StepReport:
    """One step: `epoch` and `step` of it from 1, `metrics` the means of the epoch so far, `density` by layer."""

    epoch: int
    step: int
    run_step: int
    metrics: dict[str, float]
    density: dict[str, float]
    images_per_second: float


@dataclass(frozen=True)
class EpochReport:
    """One epoch: the row of metrics that the run's log has, and what it took.

    waiting: share of the training's time in which the step waited for images.
    """

    row: dict[str, Any]
    run_step: int
    seconds: float
    images_per_second: float
    waiting: float


class TrainingCallback:
    """Told of everything; does nothing with it."""

    def on_epoch_begin(self, epoch: int, step: int, steps: int) -> None:
        """Hear that an epoch (from 1) begins, or goes on after `step` of its `steps` steps."""

    def on_step(self, report: StepReport) -> None:
        """Hear of every step, after it."""

    def on_validation(self, batch: int, batches: int) -> None:
        """Hear of every batch of validation images, from 1, after it."""

    def on_epoch_end(self, report: EpochReport) -> None:
        """Hear of an epoch, after it, its checkpoint written."""

    def close(self) -> None:
        """Hear that the training has ended, in whichever way."""


class EventLog(TrainingCallback):
    """What happened and when, one JSON object a line, appended as it happens: events start, step, epoch."""

    def __init__(self, path: Path, every: int):
        self.path, self.every = path, every
        self.started = False

    def on_epoch_begin(self, epoch: int, step: int, steps: int) -> None:
        if not self.started:
            self._write("start", epoch=epoch, step=step)
            self.started = True

    def on_step(self, report: StepReport) -> None:
        if report.step % self.every == 0:
            self._write(
                "step",
                epoch=report.epoch,
                step=report.step,
                run_step=report.run_step,
                images_per_second=round(report.images_per_second, 2),
                **report.metrics,
            )

    def on_epoch_end(self, report: EpochReport) -> None:
        self._write(
            "epoch",
            run_step=report.run_step,
            seconds=round(report.seconds, 2),
            images_per_second=round(report.images_per_second, 2),
            waiting_for_pictures=round(report.waiting, 4),
            **report.row,
        )

    def _write(self, event: str, **values: Any) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "time": now, **values}) + "\n")


class TensorBoard(TrainingCallback):
    """Scalars for TensorBoard: of steps `batch/...`, of epochs `epoch/...` and `density/<layer>`."""

    def __init__(self, folder: Path, every: int):
        self.every = every
        self.writer = tf.summary.create_file_writer(str(folder))

    def on_step(self, report: StepReport) -> None:
        if report.step % self.every == 0:
            scalars = {**report.metrics, "images_per_second": report.images_per_second}
            self._write({f"batch/{name}": value for name, value in scalars.items()}, report.run_step)

    def on_epoch_end(self, report: EpochReport) -> None:
        scalars = {_tag(name): value for name, value in report.row.items() if name != "epoch"}
        self._write({**scalars, "epoch/images_per_second": report.images_per_second}, report.run_step)

    def _write(self, scalars: dict[str, float], step: int) -> None:
        with self.writer.as_default(step=step):
            for tag, value in scalars.items():
                tf.summary.scalar(tag, value)
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()


def _tag(name: str) -> str:
    layer = name.removeprefix("density_")
    return f"density/{layer}" if layer != name else f"epoch/{name}"


def wants_tensorboard(setting: str | bool) -> bool:
    """Decide whether to write for TensorBoard. Raises ConfigError if that is a must and it is not installed."""
    installed = importlib.util.find_spec("tensorboard") is not None
    if setting is True and not installed:
        raise ConfigError("train.tensorboard: expected TensorBoard to be installed (`pip install tensorboard`)")
    return setting is True or (setting == "auto" and installed)


class Throughput:
    """Images a second of late: the mean over the last steps, but for the very first, in which TensorFlow compiles."""

    def __init__(self, share: float = 0.1):
        self.share = share
        self.steps, self.seconds = 0, 0.0
        self.last = time.monotonic()

    def restart(self) -> None:
        """Leave out what happened since the last step: a validation, say."""
        self.last = time.monotonic()

    def step(self, images: int) -> float:
        """Count a step over so many images that has ended; return images a second."""
        now = time.monotonic()
        taken, self.last = now - self.last, now
        share = max(self.share, 1 / max(self.steps, 1))
        self.steps, self.seconds = self.steps + 1, self.seconds + share * (taken - self.seconds)
        return images / max(self.seconds, 1e-9)


former_names(__name__, Chronicle="EventLog", Pace="Throughput", Watcher="TrainingCallback")
