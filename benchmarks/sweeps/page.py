"""The tables of a sweep in Markdown, between two marks of docs/results-NAME.md; its other words are written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..utils.machine import ROOT
from ..utils.report import between
from .frontier import BARS, AtAccuracy
from .measuring import OTHERS, OURS
from .summary import ANY, FLOAT32, against, holds
from .tables import DENSE, SWEEPS

END = "<!-- end -->"
US = 1e3  # microseconds of a millisecond
QUIET = 1.5  # load average of a machine that does nothing else


def page_path(name: str) -> Path:
    return ROOT / "docs" / f"results-{name}.md"


def picture_path(name: str) -> Path:
    return ROOT / "docs" / f"results-{name}.png"


def begin(name: str) -> str:
    """Return the mark that the tables of a sweep stand after."""
    return f"<!-- from results/sweep-{name}.json, by python -m benchmarks.sweeps {name} draw -->"


def new_page(name: str) -> str:
    """Return a page for a sweep that has none yet, for words to be added by hand."""
    picture = f"![Accuracy against time of one image]({picture_path(name).name})"
    return f"# {name}: accuracy against time\n\n{picture}\n\n{begin(name)}\n{END}\n"


def drawn(page: str, results: Mapping[str, Any]) -> str:
    """Return the page with the tables between its marks. Raises ValueError where it has none."""
    return between(page, begin(results["sweep"]), END, tables(results))


def tables(results: Mapping[str, Any]) -> str:
    """Set what ours takes at equal accuracy, and every network."""
    parts = (_equal, _verdicts, _networks, _accuracies, _conditions)
    return "\n\n".join(part(results) for part in parts)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _equal(results: Mapping[str, Any]) -> str:
    head = ("accuracy", "ONNX Runtime, dense, us", "ours, float32, us", "ours / theirs",
            "LiteRT int8 or OpenVINO bf16, dense, us", "ours, any precision, us", "ours / theirs")  # fmt: skip
    pairs = zip(against(results, FLOAT32), against(results, ANY), strict=True)
    return _markdown(head, [(f"{one.accuracy:.2f}%", *_cells(one), *_cells(other)) for one, other in pairs], 0)


def _cells(one: AtAccuracy) -> tuple[str, str, str]:
    times = ("" if value is None else f"{US * value:.1f}" for value in (one.theirs, one.ours))
    return (*times, "" if one.ratio is None else f"{one.ratio:.2f}")


def _verdicts(results: Mapping[str, Any]) -> str:
    lines = []
    for bar, most in BARS.items():
        found = against(results, bar)
        ratios = [one.ratio for one in found if one.ratio is not None]
        span = f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else "nothing to compare"
        reached = sum(ratio <= most for ratio in ratios)
        verdict = "held" if holds(found, bar) else "**missed**"
        what = "float32" if bar == FLOAT32 else "any precision"
        lines.append(
            f"- Ours in {what}: {span} of their time, at most {most:g} at {reached} of {len(ratios)}: {verdict}."
        )
    return "\n".join(lines)


def _networks(results: Mapping[str, Any]) -> str:
    """Set what every network is: accuracy in float32 with its interval, costs, and times in every engine."""
    engines = (*OURS, *OTHERS)
    head = ("", "size", "accuracy (95% interval)", "Mmul", "lookups", "bytes", "epochs", "trained, s",
            "ours f32, us", "bf16", "int8", "ORT f32", "OpenVINO", "LiteRT int8")  # fmt: skip
    titles = {structure.name: structure.title for structure in SWEEPS[results["sweep"]].structures}
    rows = []
    for point in results["points"]:
        found = point["engines"]
        size = f"width {point['size']:g}" if point["structure"] == DENSE else f"to {100 * point['size']:g}%"
        own = found.get(OURS[0], {})
        accuracy = f"{own['accuracy']:.2f} ({own['low']:.2f} to {own['high']:.2f})" if "accuracy" in own else ""
        work = (f"{point['multiplications'] / 1e6:.3f}", f"{point['lookups']:,}" if point["lookups"] else "")
        spent = (f"{point['bytes']:,}", f"{point['epochs']}", f"{point['train_seconds']}")
        times = [_time(found.get(engine, {})) for engine in engines]
        rows.append((titles.get(point["structure"], DENSE), size, accuracy, *work, *spent, *times))
    return _markdown(head, rows)


def _time(one: Mapping[str, Any]) -> str:
    return f"{US * one['milliseconds']:.1f}" if "milliseconds" in one else ""


def _accuracies(results: Mapping[str, Any]) -> str:
    """Set the accuracy of each dense network in every engine, and of ours in every precision."""
    engines = (*OURS, *OTHERS)
    head = ("accuracy in", "ours f32", "bf16", "int8", "ORT f32", "OpenVINO", "LiteRT int8")
    cells = [
        (
            point["name"],
            *(
                f"{one['accuracy']:.2f}" if "accuracy" in (one := point["engines"].get(engine, {})) else ""
                for engine in engines
            ),
        )
        for point in results["points"]
    ]
    return _markdown(head, cells)


def _conditions(results: Mapping[str, Any]) -> str:
    facts, load = results["machine"], results["load"]
    rounds = {one["rounds"] for point in results["points"] for one in point["engines"].values() if "rounds" in one}
    versions = ", ".join(f"{package} {facts[package]}" for package in ("onnxruntime", "openvino", "ai-edge-litert"))
    busy = "" if max(load) < QUIET else ": **it had other work, so times are to be taken again on a quiet one**"
    return (
        f"Times are lower quartiles of {min(rounds)} interleaved rounds on one core. The machine's load average was "
        f"{load[0]:g} before and {load[1]:g} after, of which the measurement itself is 1{busy}. {facts['processor']}, "
        f"{facts['isa']}; {versions}. Seed 1. The command of every training is in "
        f"[sweep-{results['sweep']}.json](../benchmarks/results/sweep-{results['sweep']}.json)."
    )
