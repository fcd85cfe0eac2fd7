"""``python -m benchmarks.plots [RESULTS.json]``: figures of a comparison, drawn from its JSON and nothing else."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .comparison.engines import ENGINES
from .comparison.matchups import short

OURS, THEIRS, LOSS = "#1b6ca8", "#b8bec6", "#c8553d"
LESSER = "#8fbbdc"  # ours with kernels of a lesser processor
RESULTS = Path(__file__).parent / "results"
ALONE = "batch 1, threads 1"
OTHERS = [name for name in ENGINES if not name.startswith("lcnn")]
Row = dict[str, Any]
Line = tuple[str, float, str, str]  # label, length of the bar, colour, text at its end
Panel = tuple[str, Sequence[Line], str]  # title, bars, unit


def label(row: Row) -> str:
    """Name an engine, its precision where that is not float32, and the network."""
    precision = row.get("facts", {}).get("precision", "f32")
    taken = "" if precision == "f32" else f" ({precision})"
    return f"{ENGINES[row['engine']].title}{taken}: {short(row['network'])}"


def color(row: Row) -> str:
    """Choose the colour of a row by whose engine it is."""
    if not row["engine"].startswith("lcnn"):
        return THEIRS
    return OURS if row["engine"] == "lcnn" else LESSER


def measured(rows: Sequence[Row]) -> list[Row]:
    """Order the rows that were timed, fastest first."""
    return sorted((row for row in rows if row.get("milliseconds")), key=lambda row: row["milliseconds"])


def _bars(axes: Axes, rows: Sequence[Line], unit: str) -> None:
    """Horizontal bars, the first at the top."""
    axes.barh(
        range(len(rows)), [length for _, length, _, _ in rows], color=[tint for _, _, tint, _ in rows], height=0.72
    )
    for at, (_, length, _, text) in enumerate(rows):
        axes.text(length, at, f" {text}", va="center", fontsize=8)
    axes.set_xlim(0, 1.12 * max(length for _, length, _, _ in rows))
    _dress(axes, [name for name, _, _, _ in rows], unit)


def _dress(axes: Axes, names: Sequence[str], unit: str) -> None:
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(unit, fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw(panels: Sequence[Panel], title: str, results: Row) -> Figure | None:
    """Panels of bars under each other, each as high as it has rows; None where there are none."""
    filled = [panel for panel in panels if panel[1]]
    if not filled:
        return None
    heights = [len(rows) + 1.6 for _, rows, _ in filled]
    figure, axes = _stack(heights, 0.24 * sum(heights) + 1.2, title, results)
    for one, (head, rows, unit) in zip(axes, filled, strict=True):
        one.set_title(head, fontsize=9, loc="left", fontweight="bold")
        _bars(one, rows, unit)
    return figure


def _stack(heights: Sequence[float], height: float, title: str, results: Row) -> tuple[Figure, list[Axes]]:
    """A figure of panels under each other, with a title above and the machine below."""
    figure, grid = plt.subplots(
        len(heights), 1, figsize=(9, height), height_ratios=heights, squeeze=False, layout="constrained"
    )
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    figure.text(0.01, -0.01, _note(results), fontsize=7, va="top", color="#555555")
    return figure, list(grid[:, 0])


def _alone(results: Row) -> dict[str, list[Row]]:
    """Find what was measured of one image on one thread, by group."""
    matchups = results["matchups"].items()
    return {name.partition(",")[0]: measured(rows) for name, rows in matchups if name.endswith(ALONE)}


def latency(results: Row) -> Figure | None:
    """Draw the time of one image on one thread, every engine."""
    panels = []
    for group, rows in _alone(results).items():
        lines = [(label(row), row["milliseconds"], color(row), f"{row['milliseconds']:.3g}") for row in rows]
        panels.append((group, lines, "ms, one image, one thread, one core"))
    return _draw(panels, "Time of a prediction: shorter is better", results)


def speedups(results: Row) -> Figure | None:
    """Draw our lookup networks against every other engine: below 1 is a loss."""
    panels = []
    for rows in _alone(results).values():
        for network in {name: None for row in rows for name in row["ratios"]}:
            times = {label(row): row["ratios"].get(network) for row in rows if row["engine"] in OTHERS}
            found = sorted(((name, ratio) for name, ratio in times.items() if ratio), key=lambda item: -item[1])
            lines = [(name, ratio, OURS if ratio >= 1 else LOSS, f"{ratio:.2f}x") for name, ratio in found]
            panels.append((short(network), lines, "how many times as long it takes"))
    figure = _draw(panels, "How many times faster the LCNN engine is: below 1, in red, it is slower", results)
    for axes in figure.axes if figure else ():
        axes.axvline(1.0, color="#333333", linewidth=0.8)
    return figure


Case = tuple[str, int, int]  # label, batch, threads


def scaling(results: Row) -> Figure | None:
    """Draw throughput by batch and threads, group by group."""
    by_group: dict[str, dict[Case, float]] = {}
    for name, rows in results["matchups"].items():
        cases = by_group.setdefault(name.partition(",")[0], {})
        for row in measured(rows):
            cases.setdefault((label(row), row["batch"], row["threads"]), 1000 / row["milliseconds"])
    panels = [(group, scaled) for group, cases in by_group.items() if (scaled := _measured_often(cases))]
    return _grouped(panels, results) if panels else None


def _measured_often(cases: Mapping[Case, float]) -> dict[Case, float]:
    """Keep those that were run with more than one batch or number of threads."""
    times = Counter(name for name, _, _ in cases)
    return {case: rate for case, rate in cases.items() if times[case[0]] > 1}


def _number(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _grouped(panels: Sequence[tuple[str, Mapping[Case, float]]], results: Row) -> Figure:
    """Bars of throughput, for every batch and number of threads side by side, on a logarithmic axis."""
    heights = [len({name for name, _, _ in cases}) + 1.0 for _, cases in panels]
    title = "Batches and threads: longer is better (logarithmic)"
    figure, axes = _stack(heights, 0.55 * sum(heights) + 1.0, title, results)
    for one, (head, cases) in zip(axes, panels, strict=True):
        best = {name: max(rate for case, rate in cases.items() if case[0] == name) for name, _, _ in cases}
        names = sorted(best, key=lambda name: -best[name])
        kinds = sorted({(batch, threads) for _, batch, threads in cases})
        height = 0.84 / len(kinds)
        for (name, batch, threads), rate in cases.items():
            kind = kinds.index((batch, threads))
            y = names.index(name) - 0.42 + (kind + 0.5) * height
            tint, shade = OURS if name.startswith("LCNN") else "#5f6770", 1.0 - 0.7 * kind / len(kinds)
            one.barh(y, rate, 0.9 * height, color=tint, alpha=shade)
            one.text(rate, y, f" {_number(rate)}   batch {batch}, threads {threads}", va="center", fontsize=6)
        one.set_xscale("log")
        one.set_xlim(right=one.get_xlim()[1] * 3)
        one.set_title(head, fontsize=9, loc="left", fontweight="bold")
        _dress(one, names, "images a second")
    return figure


def cold_start(results: Row) -> Figure | None:
    """Draw the time from the start of a process to its end, and its peak memory."""
    starts = [row for row in results["starts"] if row["whole_median"]]
    panels = []
    for key, head, unit, digits in (
        ("whole_median", "Start, load, one prediction, end", "seconds", ".2f"),
        ("peak_median", "Peak memory", "MiB", ".0f"),
    ):
        lines = [
            (label(row), row[key], color(row), format(row[key], digits))
            for row in sorted(starts, key=lambda row: row[key])
        ]
        panels.append((head, lines, unit))
    return _draw(panels, "A fresh process: shorter is better", results)


def _note(results: Row) -> str:
    facts = results["machine"]
    versions = ", ".join(
        f"{package} {facts[package]}"
        for package in ("onnxruntime", "openvino", "ai-edge-litert", "tensorflow")
        if package in facts
    )
    return f"{facts['processor']}, {facts['isa']}, BLAS core {facts['blas_core']}; lcnn {facts['lcnn']}, {versions}"


FIGURES = {"latency": latency, "speedup": speedups, "scaling": scaling, "cold-start": cold_start}


def draw(path: Path) -> list[Path]:
    """Draw everything that ``path`` has numbers for, beside it; return the paths of the figures."""
    results = json.loads(path.read_text())
    if "contests" in results:  # how files named them before
        results["matchups"] = results.pop("contests")
    drawn = []
    for name, figure_of in FIGURES.items():
        figure = figure_of(results)
        if figure is None:
            continue
        target = path.with_name(f"{path.stem}-{name}.png")
        figure.savefig(target, dpi=130, bbox_inches="tight")
        plt.close(figure)
        drawn.append(target)
    return drawn


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plots", description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS / "compare.json")
    options = parser.parse_args(arguments)
    try:
        drawn = draw(options.results)
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {options.results}: expected the JSON of benchmarks.compare, got {error!r}", file=sys.stderr)
        return 2
    print("\n".join(map(str, drawn)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
