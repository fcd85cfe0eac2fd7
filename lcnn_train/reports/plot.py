"""A figure of a training's log: loss, accuracy, and the density of P layer by layer."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from lcnn_train.errors import RunError
from lcnn_train.utils.files import write_atomically

# The Okabe-Ito palette, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
_TRAINING, _VALIDATION = COLOURS[0], COLOURS[5]
_FORMATS = (".png", ".svg", ".pdf")
_MARKED = 30  # epochs up to which each has a dot
_ROWS = 20  # of a legend's column
_FEW = 10  # layers up to which the legend has letters of the usual size
_WIDE = 20.0  # a loss that falls by this factor gets a logarithmic axis

Log = dict[str, list[float]]


def plot_log(log: Path, output: Path) -> None:
    """Draw a run's log.csv as a .png, .svg or .pdf file.

    Raises FileNotFoundError, or RunError if it is no such log, if the file's suffix is another, or if Matplotlib is not
    installed.
    """
    if output.suffix not in _FORMATS:
        raise RunError(f"{output}: expected a name that ends in {', '.join(_FORMATS)}")
    values = read_log(log)
    layers = [key for key in values if key.startswith("density_")]
    whole = figure(width=14 if len(layers) <= _FEW else 12 + 2.4 * _columns(layers))
    panels = whole.subplots(1, 3)
    _draw_loss(panels[0], values)
    _draw_accuracy(panels[1], values)
    _draw_density(panels[2], values, layers)
    for axes in panels:
        axes.set_xlabel("epoch")
        if len(values["epoch"]) == 1:  # which an automatic scale divides
            axes.set_xticks(values["epoch"])
        else:
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    write_atomically(output, lambda temporary: whole.savefig(temporary, dpi=130), suffix=output.suffix)


def figure(width: float) -> Any:
    """Make an empty figure of a width in inches. Raises RunError where Matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise RunError('plot: expected Matplotlib to be installed; get it with `pip install "lcnn[plot]"`') from error
    return Figure(figsize=(width, 4.2), layout="constrained")


def read_log(path: Path) -> Log:
    """Read the columns of a run's log.csv. Raises FileNotFoundError, or RunError if it is none."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the log of a run, found nothing; it is written after each epoch")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        log = {key: [float(row[key] or "nan") for row in rows] for key in rows[0]}
    except (ValueError, IndexError, TypeError, csv.Error) as error:
        raise RunError(f"{path}: expected the log of a run: rows of numbers under their names ({error})") from error
    missing = sorted({"epoch", "loss", "accuracy", "val_loss", "val_accuracy"} - log.keys())
    if missing:
        raise RunError(f"{path}: expected the log of a run; it has no {', '.join(missing)}")
    return log


def _line(axes: Any, log: Log, key: str, colour: Any, label: str, style: str = "-") -> None:
    if key in log:
        marker = "o" if len(log["epoch"]) <= _MARKED else ""
        axes.plot(log["epoch"], log[key], style, color=colour, marker=marker, markersize=3, label=label)


def _draw_loss(axes: Any, log: Log) -> None:
    _line(axes, log, "loss", _TRAINING, "training")
    _line(axes, log, "val_loss", _VALIDATION, "validation")
    if min(log["loss"]) > 0 and max(log["loss"]) > _WIDE * min(log["loss"]):
        axes.set_yscale("log")
    axes.set_title("Loss, penalties included", fontsize=10)
    axes.legend(frameon=False)


def _draw_accuracy(axes: Any, log: Log) -> None:
    _line(axes, log, "accuracy", _TRAINING, "training, top-1")
    _line(axes, log, "val_accuracy", _VALIDATION, "validation, top-1")
    _line(axes, log, "top5", _TRAINING, "training, top-5", ":")
    _line(axes, log, "val_top5", _VALIDATION, "validation, top-5", ":")
    axes.set_ylim(*_accuracy_limits(log))
    axes.ticklabel_format(axis="y", useOffset=False)
    measured = [value for value in log["val_accuracy"] if math.isfinite(value)]
    axes.set_title(f"Accuracy; validation at best {max(measured):.4f}" if measured else "Accuracy", fontsize=10)
    axes.legend(frameon=False)


def _accuracy_limits(log: Log) -> tuple[float, float]:
    """From where the curves are, for most lie near the top, to 1; or to where they are, if that is below a half."""
    shown = ("accuracy", "val_accuracy", "top5", "val_top5")
    values = [value for key in shown for value in log.get(key, ()) if math.isfinite(value)] or [0.0, 1.0]
    lowest, highest = min(values), max(values)
    top = 1.0 if highest >= 0.5 else highest
    span = max(top - lowest, 0.01)
    return max(0.0, lowest - 0.05 * span), top + 0.02 * span


def _draw_density(axes: Any, log: Log, layers: list[str]) -> None:
    if not layers:
        axes.set_title("No lookup layers", fontsize=10)
        return
    lowest = min((value for key in layers for value in log[key] if value > 0), default=1.0)
    axes.set_yscale("log")
    axes.set_ylim(min(0.1, lowest) / 1.3, 1.1)  # a decade at least, or no tick would have a number
    for colour, key in zip(_colours(len(layers)), layers, strict=True):
        _line(axes, log, key, colour, f"{key.removeprefix('density_')}  {100 * log[key][-1]:.2f}%")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
    axes.yaxis.set_minor_formatter(lambda value, _: "")
    millions = log["lookup_multiplications"][-1] / 1e6
    axes.set_title(f"Density of P; at the end {millions:.2f} M lookups", fontsize=10)
    axes.legend(
        frameon=False,
        fontsize=9 if len(layers) <= _FEW else 7,
        ncols=_columns(layers),
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )


def _columns(layers: list[str]) -> int:
    """Of the legend."""
    return -(-len(layers) // _ROWS)


def _colours(count: int) -> list[Any]:
    """One for each layer; for many layers a scale from the first to the last."""
    if count <= len(COLOURS):
        return list(COLOURS[:count])
    from matplotlib import colormaps

    return [colormaps["viridis"](index / (count - 1)) for index in range(count)]
