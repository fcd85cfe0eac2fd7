"""Accuracy against time, drawn from a sweep's JSON and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .summary import LOWER, Line, lines_of

PANELS = {"float32": "float32", LOWER: "lower precisions"}
COLOURS = ("#1b6ca8", "#2a9d8f", "#8a5fbf", "#8fbbdc", "#6b8e23")  # of our structures
THEIRS = ("#c8553d", "#e09f3e", "#777777")
MARKS = {"lcnn-int8": "s", "lcnn-bf16": "o", "lcnn": "o"}


def draw(results: Mapping[str, Any]) -> Figure:
    """Draw a panel for float32 and one for lower precisions: a line for each structure in each engine."""
    figure, panels = plt.subplots(1, len(PANELS), figsize=(11, 7.2), sharey=True, layout="constrained")
    for axes, (precision, title) in zip(panels, PANELS.items(), strict=True):
        _panel(axes, lines_of(results, precision))
        axes.set_title(title, fontsize=10, loc="left", fontweight="bold")
    panels[0].set_ylabel("% of the test images right", fontsize=9)
    return figure


def _panel(axes: Axes, lines: list[Line]) -> None:
    colours = {True: iter(COLOURS), False: iter(THEIRS)}
    of_structure: dict[str, str] = {}
    for line in lines:
        if line.ours and line.structure not in of_structure:
            of_structure[line.structure] = next(colours[True])
        colour = of_structure[line.structure] if line.ours else next(colours[False])
        points = sorted(line.points, key=lambda point: point.milliseconds)
        axes.plot(
            [1e3 * point.milliseconds for point in points],
            [point.accuracy for point in points],
            marker=MARKS.get(line.engine, "D"),
            linestyle=("--" if line.engine == "lcnn-int8" else "-") if line.ours else ":",
            color=colour, markersize=5, linewidth=1.3, label=line.title,
        )  # fmt: skip
    axes.set_xscale("log")
    ticks = [tick for tick in (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if _within(axes, tick)]
    axes.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=8)
    axes.minorticks_off()
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("microseconds, one image, one core (logarithmic)", fontsize=9)
    axes.grid(color="#dddddd", linewidth=0.6)
    if lines:
        axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _within(axes: Axes, tick: float) -> bool:
    low, high = axes.get_xlim()
    return low <= tick <= high
