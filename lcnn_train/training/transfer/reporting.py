"""The mean of some draws with its 95% interval, JSON, and figures of accuracy against shots or iterations."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from lcnn_train.errors import RunError
from lcnn_train.reports.plot import COLOURS, figure
from lcnn_train.utils.files import write_atomically


@dataclass(frozen=True)
class Mean:
    """The mean of some draws, and half the width of its 95% interval by Student's distribution; as shares."""

    mean: float
    half: float
    draws: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Take the mean of values; of a single one there is no interval, and half its width is nan."""
        count = len(values)
        if count < 2:
            return cls(float(np.mean(values)), math.nan, count)
        half = float(stdtrit(count - 1, 0.975)) * float(np.std(values, ddof=1)) / math.sqrt(count)
        return cls(float(np.mean(values)), half, count)

    def __str__(self) -> str:
        return f"{100 * self.mean:.2f}% ± {100 * self.half:.2f}"

    def points(self) -> str:
        """Say it as a difference in points."""
        return f"{100 * self.mean:+.2f} ± {100 * self.half:.2f}"


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    text = json.dumps(values, indent=1) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def draw(path: Path, x: Sequence[float], lines: Mapping[str, Sequence[Mean]], labels: tuple[str, str]) -> bool:
    """Draw the means of each line over x, bars being the intervals; tell whether there is a Matplotlib to do so.

    `labels` are of the x axis, and the title.
    """
    try:
        whole = figure(width=6.4)
    except RunError:
        return False
    axes = whole.subplots()
    for colour, (name, means) in zip(COLOURS, lines.items(), strict=False):
        bars = [0.0 if math.isnan(mean.half) else 100 * mean.half for mean in means]
        values = [100 * mean.mean for mean in means]
        axes.errorbar(x, values, yerr=bars, color=colour, marker="o", markersize=4, capsize=3, label=name)
    axes.set_xlabel(labels[0])
    axes.set_ylabel("accuracy, %")
    axes.set_title(labels[1], fontsize=10)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    write_atomically(path, lambda temporary: whole.savefig(temporary, dpi=130), suffix=path.suffix)
    return True
