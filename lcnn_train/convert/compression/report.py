"""What a compression cost and brought: accuracy, time, and where both come from, and the page in Markdown."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lcnn_engine import Net, read_model
from lcnn_engine.analysis.cost import NodeCost, cost_of
from lcnn_train.config.experiment import Config
from lcnn_train.config.network_file import read_keras
from lcnn_train.convert.compression.measuring import engine, in_turns, onnx_runtime
from lcnn_train.data.images import Images
from lcnn_train.errors import RunError
from lcnn_train.sources.evaluate import Evaluation, evaluate_file

_Z = 1.959964  # of a 95% interval
_RUNS = 30  # of a profile
BEFORE, AFTER, ONNX = "before", "after", "before, in ONNX Runtime"


@dataclass(frozen=True)
class Accuracy:
    """A share of right answers among `images`, and its 95% interval by Wilson's formula."""

    share: float
    low: float
    high: float
    images: int

    def __str__(self) -> str:
        return f"{100 * self.share:.2f}% ({100 * self.low:.2f} to {100 * self.high:.2f})"


@dataclass(frozen=True)
class LayerRow:
    """A node of the network before and after: multiplications of one image, lookups, bytes, microseconds."""

    name: str
    op: str
    dense: int
    multiplications: int
    lookups: int | None
    bytes_before: int
    bytes_after: int
    us_before: float
    us_after: float


@dataclass(frozen=True)
class Report:
    """Everything about a compression; `str` of it is the page in Markdown.

    change: of the accuracy, and its 95% interval, of the same images. milliseconds: of one image on one core, by the
    names BEFORE, AFTER and, where it is installed, ONNX. epochs: trained. judged_by: which images.
    """

    name: str
    before: Accuracy
    after: Accuracy
    change: tuple[float, float, float]
    judged_by: str
    milliseconds: Mapping[str, float]
    multiplications: tuple[int, int]
    bytes: tuple[int, int]
    layers: Sequence[LayerRow]
    epochs: int
    notes: Sequence[str]

    def __str__(self) -> str:
        taken, made, sizes = self.milliseconds, self.multiplications, self.bytes
        change, low, high = (100 * value for value in self.change)
        rows = [
            (
                "accuracy (95% interval)",
                str(self.before),
                str(self.after),
                f"{change:+.2f} points ({low:+.2f} to {high:+.2f})",
            ),
            (
                "ms of one image, one core",
                f"{taken[BEFORE]:.3f}",
                f"{taken[AFTER]:.3f}",
                _times(taken[BEFORE], taken[AFTER]),
            ),
            ("million multiplications", f"{made[0] / 1e6:,.3f}", f"{made[1] / 1e6:,.3f}", _times(*made)),
            ("bytes of the model file", f"{sizes[0]:,}", f"{sizes[1]:,}", _times(*sizes)),
        ]
        if ONNX in taken:
            rows.insert(2, ("the same in ONNX Runtime", f"{taken[ONNX]:.3f}", "", _times(taken[ONNX], taken[AFTER])))
        notes = [
            *self.notes,
            f"Accuracy is that of {self.before.images:,} {self.judged_by}; the change's interval goes by the pairs.",
            f"Trained for {self.epochs} epochs. Times are medians, measured in turns, of the model in memory.",
        ]
        if taken[AFTER] >= taken[BEFORE]:
            notes.append("It takes no less time than before: take a smaller budget, or milliseconds.")
        return "\n".join(
            [
                f"# {self.name}, compressed",
                "",
                *_markdown(("", "before", "after", "change"), rows),
                "",
                *(f"- {note}" for note in notes),
                "",
                "## Layer by layer",
                "",
                *_markdown(_HEAD, [_cells(row) for row in self.layers]),
                "",
            ]
        )


_HEAD = ("layer", "operation", "Mmul before", "after", "lookups", "bytes before", "after", "us before", "after")


def _cells(row: LayerRow) -> tuple[str, ...]:
    lookups = "" if row.lookups is None else f"{row.lookups:,}"
    work = f"{row.dense / 1e6:.3f}", f"{row.multiplications / 1e6:.3f}", lookups
    return (
        row.name,
        row.op,
        *work,
        f"{row.bytes_before:,}",
        f"{row.bytes_after:,}",
        f"{row.us_before:.1f}",
        f"{row.us_after:.1f}",
    )


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def _times(before: float, after: float) -> str:
    if not before or not after:
        return ""
    return f"{before / after:.1f}x less" if after <= before else f"{after / before:.1f}x more"


def wilson(right: int, count: int) -> Accuracy:
    """Make a share of its counts, with the 95% interval that has the right size at 0 and 1 too (Wilson, 1927)."""
    share, z2 = right / count, _Z * _Z
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return Accuracy(share, max(0.0, middle - half), min(1.0, middle + half), count)


def change_of(before: np.ndarray, after: np.ndarray) -> tuple[float, float, float]:
    """Return by how much the share of right answers (N,) bool changes, and the 95% interval of that by the pairs."""
    difference = after.astype(float) - before.astype(float)
    half = _Z * float(difference.std()) / math.sqrt(len(difference))
    mean = float(difference.mean())
    return mean, mean - half, mean + half


def make_report(
    folder: Path, config: Config, images: Images, judged_by: str, image: np.ndarray, notes: Sequence[str]
) -> Report:
    """Evaluate and measure the two model files of a folder; `image` (H, W, C) is what times are measured on."""
    files = folder / "dense.safetensors", folder / "compressed.safetensors"
    before, after = (evaluate_file(file, images) for file in files)
    _same_images(before, after)
    ways = {BEFORE: engine(files[0], image), AFTER: engine(files[1], image)}
    with tempfile.TemporaryDirectory() as temporary:
        onnx = onnx_runtime(read_keras(folder / "dense.keras", "compress"), Path(temporary), image)
        milliseconds = in_turns(ways | ({ONNX: onnx} if onnx is not None else {}))
    layers, made = _layers(files, image)
    rights = [one.predicted == one.labels for one in (before, after)]
    accuracies = [wilson(int(right.sum()), len(right)) for right in rights]
    return Report(
        name=config.name,
        before=accuracies[0],
        after=accuracies[1],
        change=change_of(*rights),
        judged_by=judged_by,
        milliseconds=milliseconds,
        multiplications=made,
        bytes=(files[0].stat().st_size, files[1].stat().st_size),
        layers=layers,
        epochs=config.train.epochs,
        notes=notes
        if onnx is not None
        else (*notes, "ONNX Runtime, or the package onnx, is not installed: no time of it."),
    )


def _same_images(before: Evaluation, after: Evaluation) -> None:
    if not np.array_equal(before.numbers, after.numbers):
        raise RunError("compress: images that could be read before cannot be read now; try again when all can be")


def _layers(files: tuple[Path, Path], image: np.ndarray) -> tuple[list[LayerRow], tuple[int, int]]:
    """A row for each node that multiplies, or takes time, in the network's order; and the multiplications of all."""
    costs = [{cost.name: cost for cost in cost_of(*read_model(file))} for file in files]
    times = [_microseconds(file, image) for file in files]
    rows = []
    for name, after in costs[1].items():
        before: NodeCost | None = costs[0].get(name)
        us = times[0].get(name, 0.0), times[1].get(name, 0.0)
        if after.multiplications or any(us):
            dense, size = (before.multiplications, before.bytes) if before else (0, 0)
            rows.append(LayerRow(name, after.op, dense, after.multiplications, after.lookups, size, after.bytes, *us))
    made = [sum(cost.multiplications for cost in own.values()) for own in costs]
    return rows, (made[0], made[1])


def _microseconds(file: Path, image: np.ndarray) -> dict[str, float]:
    """The time of each node's steps."""
    taken: dict[str, float] = {}
    for step in Net.load(file, threads=1).profile(np.asarray(image, np.float32), runs=_RUNS).steps:
        taken[step.name] = taken.get(step.name, 0.0) + 1e6 * step.seconds
    return taken
