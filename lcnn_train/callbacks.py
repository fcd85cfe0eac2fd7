"""Callbacks for `model.fit`: the density log, the progress on the screen, and a run's checkpoints."""

from __future__ import annotations

import csv
import math
import time
from pathlib import Path
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lcnn_train import sparsity
from lcnn_train.checkpoints import Checkpoints
from lcnn_train.checkpoints import Progress as RunProgress
from lcnn_train.errors import RunError
from lcnn_train.files import write_atomically


class DensityLogger(keras.callbacks.Callback):
    """After each epoch, add to its logs the density of P in every lookup layer and the lookup multiplications.

    The keys are `density_<layer>` and `lookup_multiplications`; callbacks that come later in the list see them, and
    so does the history that `fit` returns. With `verbose`, a line is printed as well.
    """

    def __init__(self, verbose: bool = False):
        super().__init__()
        self.verbose = verbose

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        figures: dict[str, float] = {}
        multiplications = 0
        for layer in sparsity.lookup_layers(self.model):
            found = sparsity.lookups(layer)
            figures[f"density_{layer.name}"] = sparsity.density(layer, found)
            multiplications += sparsity.lookup_multiplications(layer, found)
        figures["lookup_multiplications"] = multiplications
        if logs is not None:
            logs.update(figures)
        if self.verbose:
            print(density_line(figures))


def density_line(logs: dict[str, Any]) -> str:
    """The density of each layer and the lookup multiplications, from an epoch's logs, on one line."""
    layers = [f"{key.removeprefix('density_')} {logs[key]:.4f}" for key in logs if key.startswith("density_")]
    return f"density {'  '.join(layers)}  lookups {logs['lookup_multiplications'] / 1e6:.2f}M"


class ScreenProgress(keras.callbacks.Callback):
    """A bar while an epoch runs, and a line of figures after it. `epochs` is the number of the last one."""

    def __init__(self, epochs: int, console: Console | None = None):
        super().__init__()
        self.epochs = epochs
        self.console = console or Console(soft_wrap=True, highlight=False)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.started = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        # A pipe or a log file gets the line of each epoch, not the frames of a bar.
        self.bar = Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self.task = self.bar.add_task(f"epoch {epoch + 1}/{self.epochs}", total=self.params.get("steps"))
        self.bar.start()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        figures = logs or {}
        text = f"epoch {self._epoch_text()} loss {figures.get('loss', 0):.3f} accuracy {figures.get('accuracy', 0):.4f}"
        self.bar.update(self.task, completed=batch + 1, description=text)

    def _epoch_text(self) -> str:
        return str(self.bar.tasks[0].description).split()[1]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.stop()
        logs = logs or {}
        seconds = time.monotonic() - self.started
        figures = "  ".join(
            f"{name} {logs[key]:.4f}"
            for name, key in (
                ("loss", "loss"),
                ("accuracy", "accuracy"),
                ("validation loss", "val_loss"),
                ("accuracy", "val_accuracy"),
            )
            if key in logs
        )
        self.console.print(f"epoch {epoch + 1}/{self.epochs}  {seconds:.0f} s  {figures}")
        self.console.print(f"    {density_line(logs)}")

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if hasattr(self, "bar"):
            self.bar.stop()


class StopWhenDiverged(keras.callbacks.Callback):
    """Raise RunError at the first loss that is not finite, before a checkpoint could hold it."""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise RunError(
                f"the training has diverged: the loss is {loss} in batch {batch + 1} of the epoch. Lower "
                "train.learning_rate.initial and name another folder with --run"
            )


class RunCheckpoints(keras.callbacks.Callback):
    """After each epoch: a checkpoint, which is the best one so far or not, and the run's log as CSV.

    The best is the highest validation accuracy among the epochs whose lookup multiplications are at most
    `max_lookup_multiplications`; of two equals the later, which has fewer lookups. It comes after DensityLogger.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        progress: RunProgress,
        log: Path,
        max_lookup_multiplications: int | None = None,
    ):
        super().__init__()
        self.checkpoints, self.progress, self.log = checkpoints, progress, log
        self.limit = max_lookup_multiplications

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        figures = {key: float(value) for key, value in (logs or {}).items()}
        progress = self.progress
        progress.epoch = epoch + 1
        progress.history.append({"epoch": epoch + 1, **figures})
        allowed = self.limit is None or figures["lookup_multiplications"] <= self.limit
        if allowed and figures["val_accuracy"] >= progress.best_accuracy:
            progress.best_accuracy, progress.best_epoch = figures["val_accuracy"], epoch + 1
        self.checkpoints.save(self.model, progress)
        write_log(self.log, progress.history)


def write_log(path: Path, history: list[dict[str, Any]]) -> None:
    """Write a run's history as CSV, one row an epoch."""

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(history[0]))
            writer.writeheader()
            writer.writerows(history)

    if history:
        write_atomically(path, write)
