"""The training on the screen: a bar while an epoch runs, and a line of metrics after it."""

from __future__ import annotations

import math
import re
import textwrap
import time
from collections.abc import Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from lcnn_train.layers.callbacks import density_line
from lcnn_train.training.events import EpochReport, StepReport, TrainingCallback

_SILENCE = 30.0  # seconds after which a pipe or a log file gets a line of metrics, too
_ROWS_OF_BARS = 4  # rows of a terminal that are not for metrics: the bars, and the last line of what was before


class _Bar(Progress):
    """A bar for the epoch and one for the run, with metrics and densities under them."""

    lines: tuple[str, ...] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield from self._rows() if self.lines else ()  # Progress asks for a first frame before it has a console

    def _rows(self) -> list[Text]:
        rows = [row for line in self.lines for row in _wrapped(line, self.console.width)]
        return [Text(row, no_wrap=True) for row in rows[: max(self.console.height - _ROWS_OF_BARS, 1)]]


class Screen(TrainingCallback):
    """Bars in a terminal; elsewhere plain lines. `epochs` is the number of the last one."""

    def __init__(self, epochs: int, console: Console | None = None):
        self.epochs = epochs
        self.console = console or Console(soft_wrap=True, highlight=False)
        self.bar: _Bar | None = None
        self.started = self.spoken = time.monotonic()

    def on_epoch_begin(self, epoch: int, step: int, steps: int) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self.steps = steps
        # A pipe or a log file gets lines, not the frames of a bar. A step may take minutes, and Rich would forget it
        # after 30 seconds and know no time left.
        self.bar = _Bar(
            *columns,
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
            speed_estimate_period=math.inf,
        )
        self.task = self.bar.add_task(f"epoch {epoch}/{self.epochs}", total=steps, completed=step)
        done = (epoch - 1) * steps + step
        self.whole = self.bar.add_task("all epochs", total=self.epochs * steps, completed=done)
        self.bar.tasks[-1].start_time = self.started
        self.bar.start()

    def on_step(self, report: StepReport) -> None:
        assert self.bar is not None
        metrics = _metrics(report.metrics, "")
        self.bar.lines = (f"{metrics}  {_throughput(report.images_per_second)}", _densities(report.density))
        self.bar.update(self.task, completed=report.step)
        self.bar.update(self.whole, completed=report.run_step)
        if self.bar.disable and time.monotonic() - self.spoken > _SILENCE:
            self._say(f"epoch {report.epoch}/{self.epochs}  step {report.step}/{self.steps}  {self.bar.lines[0]}")

    def on_validation(self, batch: int, batches: int) -> None:
        assert self.bar is not None
        self.bar.lines = (f"validation: batch {batch} of {batches}", *self.bar.lines[1:])

    def on_epoch_end(self, report: EpochReport) -> None:
        self.close()
        row = report.row
        self._say(
            f"epoch {row['epoch']}/{self.epochs}  {report.seconds:.0f} s  {_metrics(row, '')}  "
            f"validation: {_metrics(row, 'val_')}"
        )
        self._say(
            f"    {density_line(row)}  {_throughput(report.images_per_second)}, "
            f"{100 * report.waiting:.0f}% of the time waiting for images"
        )

    def _say(self, text: str) -> None:
        rows = _wrapped(text, self.console.width) if self.console.is_terminal else [text]
        self.console.print("\n".join(rows), markup=False)
        self.spoken = time.monotonic()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()


def _wrapped(line: str, width: int) -> list[str]:
    """The rows that a line of metrics takes: it is broken at double spaces only, so names keep their numbers."""
    tied = re.sub("(?<! ) (?! )", "\u00a0", line)
    rows = textwrap.wrap(tied, width, subsequent_indent="    ", break_on_hyphens=False)
    return [row.replace("\u00a0", " ") for row in rows]


def _metrics(metrics: dict[str, float], prefix: str) -> str:
    return (
        f"loss {metrics[prefix + 'loss']:.4f}  top-1 {metrics[prefix + 'accuracy']:.4f}  "
        f"top-5 {metrics[prefix + 'top5']:.4f}"
    )


def _throughput(images_per_second: float) -> str:
    return f"{images_per_second:.{0 if images_per_second >= 10 else 1}f} images/s"


def _densities(density: dict[str, float]) -> str:
    return "density " + "  ".join(f"{name} {value:.4f}" for name, value in density.items()) if density else ""
