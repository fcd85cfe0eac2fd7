"""The picture of a report: how long a prediction takes in each way, and where the time goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lcnn_train.convert.compression.report import Report
from lcnn_train.reports.plot import COLOURS, figure
from lcnn_train.utils.files import write_atomically

_MOST_LAYERS = 24  # the rows of those that take most time; of more none could be read


def draw(report: Report, output: Path) -> None:
    """Draw a report as a .png file. Raises RunError where Matplotlib is not installed."""
    whole = figure(width=12)
    times, layers = whole.subplots(1, 2, width_ratios=(1, 1.6))
    _draw_times(times, report)
    _draw_layers(layers, report)
    for axes in (times, layers):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, axis="x", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    write_atomically(output, lambda temporary: whole.savefig(temporary, dpi=130), suffix=output.suffix)


def _draw_times(axes: Any, report: Report) -> None:
    names = list(report.milliseconds)
    values = [report.milliseconds[name] for name in names]
    colours = [COLOURS[2] if name == "after" else COLOURS[0] for name in names]
    bars = axes.barh(names, values, color=colours)
    axes.bar_label(bars, [f" {value:.3f}" for value in values], fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.set_xlabel("ms of one image, one core")
    axes.set_title(f"{report.name}: {report.before.share:.2%} before, {report.after.share:.2%} after", fontsize=10)


def _draw_layers(axes: Any, report: Report) -> None:
    most = sorted(report.layers, key=lambda row: -max(row.us_before, row.us_after))[:_MOST_LAYERS]
    rows = [row for row in report.layers if row in most]
    places = range(len(rows))
    axes.barh([place - 0.2 for place in places], [row.us_before for row in rows], 0.4, color=COLOURS[0], label="before")
    axes.barh([place + 0.2 for place in places], [row.us_after for row in rows], 0.4, color=COLOURS[2], label="after")
    axes.set_yticks(list(places), [row.name for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("microseconds")
    axes.legend(frameon=False)
