"""The epochs of a training: steps, validation, checkpoints, and when to end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from lcnn_train.config.training import EarlyStop, Train
from lcnn_train.errors import DivergedError
from lcnn_train.layers.callbacks import density_metrics
from lcnn_train.training.averages import WeightAverages
from lcnn_train.training.checkpoints import Checkpoints, Progress
from lcnn_train.training.events import EpochReport, StepReport, Throughput, TrainingCallback
from lcnn_train.training.extras import Pruning
from lcnn_train.training.feed import Feed
from lcnn_train.training.interrupts import Interrupts
from lcnn_train.training.step import MetricSums, TrainingStep

_LOOKUPS = "lookup_multiplications"


@dataclass
class Loop:
    """A training that goes on from `progress`, and keeps it up to date.

    Args:
        settings: how to train.
        step, feed: what is done with batches, and where they come from.
        progress: where to go on.
        save: called where a checkpoint is due; does nothing on workers that are not the chief.
        checkpoints: where those are, for messages; None on such workers.
        averages: of the weights, to be evaluated in their place, or None.
        callbacks: who is told.
        pruning: what takes lookups away after a step, or None.
    """

    settings: Train
    step: TrainingStep
    feed: Feed
    progress: Progress
    save: Callable[[], None]
    checkpoints: Checkpoints | None = None
    averages: WeightAverages | None = None
    callbacks: Sequence[TrainingCallback] = ()
    pruning: Pruning | None = None
    _throughput: Throughput = field(default_factory=Throughput)
    _density: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """Train to the last epoch, or to an earlier end.

        Raises DivergedError at the first loss that is not finite; KeyboardInterrupt or SystemExit after SIGINT or
        SIGTERM, once the step that it came in is done and a checkpoint written.
        """
        progress = self.progress
        if self._ended():
            return
        batches = self.feed.training(progress.epoch * self.feed.steps + progress.step)
        try:
            with Interrupts() as interrupts:
                while not self._ended():
                    stop = self._epoch(batches, interrupts)
                    if stop:
                        interrupts.leave()
        finally:
            self._notify("close")

    def _ended(self) -> bool:
        return self.progress.epoch >= self.settings.epochs or has_ended(self.settings.early_stop, self.progress.history)

    def _epoch(self, batches: Any, interrupts: Interrupts) -> bool:
        """The rest of an epoch; whether a signal came in it, to this worker or to another."""
        progress, started = self.progress, time.monotonic()
        sums = MetricSums.from_stored(progress.sums)
        self._notify("on_epoch_begin", progress.epoch + 1, progress.step, self.feed.steps)
        self._throughput.restart()
        first, waiting, stop = progress.step, 0.0, False
        while progress.step < self.feed.steps:
            asked = time.monotonic()
            batch = next(batches)
            waiting += time.monotonic() - asked
            one, stop = self.step.train(batch, stop=interrupts.came is not None)
            self._check(one)
            sums.add(one)
            progress.step, progress.sums = progress.step + 1, sums.stored()
            if self.pruning is not None:
                self.pruning.after(self._run_step(), batch)
            self._notify_step(sums)
            if progress.step < self.feed.steps and (stop or self._is_due(progress.step)):
                self.save()
            if stop and progress.step < self.feed.steps:
                return True
        seconds = time.monotonic() - started
        self._finish_epoch(sums, (progress.step - first) * self.feed.batch_size / seconds, waiting / seconds, started)
        return stop

    def _check(self, one: MetricSums) -> None:
        if math.isfinite(one.loss):
            return
        newest = self.checkpoints.newest() if self.checkpoints else None
        kept = f" The last good checkpoint is {newest}." if newest else ""
        raise DivergedError(
            f"the training has diverged: the loss is {one.loss} in step {self.progress.step + 1} of epoch "
            f"{self.progress.epoch + 1}.{kept} Lower the learning rate and name another folder with --run"
        )

    def _is_due(self, step: int) -> bool:
        every = self.settings.checkpoint_steps
        return every is not None and step % every == 0

    def _notify_step(self, sums: MetricSums) -> None:
        progress = self.progress
        images_per_second = self._throughput.step(self.feed.batch_size)
        if progress.step == 1 or progress.step % self.settings.log_steps == 0:
            self._density = _by_layer(density_metrics(self.step.model))
        report = StepReport(
            progress.epoch + 1, progress.step, self._run_step(), sums.metrics(), self._density, images_per_second
        )
        self._notify("on_step", report)

    def _run_step(self) -> int:
        return self.progress.epoch * self.feed.steps + self.progress.step

    def _finish_epoch(self, sums: MetricSums, images_per_second: float, waiting: float, started: float) -> None:
        progress, run_step = self.progress, self._run_step()
        row: dict[str, Any] = {"epoch": progress.epoch + 1, **sums.metrics()}
        with self.averages.in_place() if self.averages else nullcontext():
            row |= self._validate().metrics("val_")
            row["learning_rate"] = self.step.update.rate_at(run_step - 1)
            row |= density_metrics(self.step.model)
        progress.epoch, progress.step, progress.sums = progress.epoch + 1, 0, {}
        progress.history.append(row)
        self._note_best(row)
        self.save()
        seconds = time.monotonic() - started
        self._notify("on_epoch_end", EpochReport(row, run_step, seconds, images_per_second, waiting))

    def _note_best(self, row: dict[str, Any]) -> None:
        """The best is the highest validation accuracy among epochs with few enough lookups; of two equals the later.

        It is noted once the epoch is counted. Before gradual sparsity has come to its target there is none.
        """
        limit = self.settings.max_lookup_multiplications
        allowed = limit is None or row[_LOOKUPS] <= limit
        allowed &= self.pruning is None or self.pruning.is_done(self._run_step())
        if allowed and row["val_accuracy"] >= self.progress.best_accuracy:
            self.progress.best_accuracy, self.progress.best_epoch = row["val_accuracy"], row["epoch"]

    def _validate(self) -> MetricSums:
        sums = MetricSums()
        for number, batch in enumerate(self.feed.validating(), 1):
            sums.add(self.step.evaluate(batch))
            self._notify("on_validation", number, self.feed.validation_batches)
        return sums

    def _notify(self, event: str, *values: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(*values)


def _by_layer(metrics: dict[str, float]) -> dict[str, float]:
    return {name.removeprefix("density_"): value for name, value in metrics.items() if name != _LOOKUPS}


def has_ended(settings: EarlyStop, history: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a run with this history ends before its last epoch."""
    accuracies = [row["val_accuracy"] for row in history if row["epoch"] >= settings.from_epoch]
    if not accuracies:
        return False
    if settings.accuracy is not None and accuracies[-1] >= settings.accuracy:
        return True
    best, since = -math.inf, 0
    for accuracy in accuracies:
        grown = accuracy > best + settings.min_improvement
        best, since = (accuracy, 0) if grown else (best, since + 1)
    return settings.patience is not None and since >= settings.patience
