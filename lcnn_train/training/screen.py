"""The training on the screen: a bar while an epoch runs, and a line of figures after it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from lcnn_train.callbacks import density_line
from lcnn_train.training.watchers import EpochReport, StepReport, Watcher

_SILENCE = 30.0  # seconds after which a pipe or a log file gets a line of figures, too


class _Bar(Progress):
    """A bar with a line of figures and one of densities under it."""

    lines: tuple[str, ...] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for line in self.lines:
            yield Text(line, no_wrap=True, overflow="ellipsis")


class Screen(Watcher):
    """A bar in a terminal; elsewhere plain lines. `epochs` is the number of the last one."""

    def __init__(self, epochs: int, console: Console | None = None):
        self.epochs = epochs
        self.console = console or Console(soft_wrap=True, highlight=False)
        self.bar: _Bar | None = None
        self.spoken = time.monotonic()

    def on_epoch_begin(self, epoch: int, step: int, steps: int) -> None:
        columns = (
            TextColumn("epoch {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self.steps = steps
        # A pipe or a log file gets lines, not the frames of a bar.
        self.bar = _Bar(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self.task = self.bar.add_task(f"{epoch}/{self.epochs}", total=steps, completed=step)
        self.bar.start()

    def on_step(self, report: StepReport) -> None:
        assert self.bar is not None
        figures = _figures(report.figures, "")
        self.bar.lines = (f"{figures}  {_pace(report.images_per_second)}", _densities(report.density))
        self.bar.update(self.task, completed=report.step)
        if self.bar.disable and time.monotonic() - self.spoken > _SILENCE:
            self._say(f"epoch {report.epoch}/{self.epochs}  step {report.step}/{self.steps}  {self.bar.lines[0]}")

    def on_validation(self, batch: int, batches: int) -> None:
        assert self.bar is not None
        self.bar.lines = (f"validation: batch {batch} of {batches}", *self.bar.lines[1:])

    def on_epoch_end(self, report: EpochReport) -> None:
        self.close()
        row = report.row
        self._say(
            f"epoch {row['epoch']}/{self.epochs}  {report.seconds:.0f} s  {_figures(row, '')}  "
            f"validation: {_figures(row, 'val_')}"
        )
        self._say(
            f"    {density_line(row)}  {_pace(report.images_per_second)}, "
            f"{100 * report.waiting:.0f}% of the time waiting for pictures"
        )

    def _say(self, text: str) -> None:
        self.console.print(text)
        self.spoken = time.monotonic()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()


def _figures(figures: dict[str, float], prefix: str) -> str:
    return (
        f"loss {figures[prefix + 'loss']:.4f}  top-1 {figures[prefix + 'accuracy']:.4f}  "
        f"top-5 {figures[prefix + 'top5']:.4f}"
    )


def _pace(images_per_second: float) -> str:
    return f"{images_per_second:.{0 if images_per_second >= 10 else 1}f} images/s"


def _densities(density: dict[str, float]) -> str:
    return "density " + "  ".join(f"{name} {value:.4f}" for name, value in density.items()) if density else ""
