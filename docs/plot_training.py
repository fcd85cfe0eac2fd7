"""Draw a training's log: accuracy and density of P by epoch.

python docs/plot_training.py weights/mnist-alexnet-lcnn-fast.csv docs/mnist-alexnet-lcnn-fast.png
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# The Okabe-Ito palette, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")


def read_log(path: str) -> dict[str, list[float]]:
    """The columns of a run's log.csv."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {key: [float(row[key]) for row in rows] for key in rows[0]}


def draw_accuracy(axes: Any, log: dict[str, list[float]]) -> None:
    epochs = log["epoch"]
    axes.plot(epochs, log["accuracy"], color=COLOURS[0], marker="o", markersize=3, label="training, augmented")
    axes.plot(epochs, log["val_accuracy"], color=COLOURS[5], marker="o", markersize=3, label="validation")
    axes.set_ylim(min(min(log["val_accuracy"]), 0.9) - 0.02, 1.005)
    axes.set_title("Accuracy: it falls while P empties, then comes back", fontsize=10)
    axes.legend(frameon=False, loc="lower right")


def draw_density(axes: Any, log: dict[str, list[float]]) -> None:
    for colour, key in zip(COLOURS, [key for key in log if key.startswith("density_")], strict=False):
        name, final = key.removeprefix("density_"), log[key][-1]
        axes.plot(log["epoch"], log[key], color=colour, label=f"{name}  {100 * final:.2f}%")
    axes.set_yscale("log")
    millions = log["lookup_multiplications"][-1] / 1e6
    axes.set_title(f"Density of P, logarithmic; at the end {millions:.2f} M lookup multiplications", fontsize=10)
    axes.legend(frameon=False, loc="upper right")


def main(log_path: str, picture_path: str) -> None:
    log = read_log(log_path)
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    draw_accuracy(panels[0], log)
    draw_density(panels[1], log)
    for axes in panels:
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture_path, dpi=130)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
