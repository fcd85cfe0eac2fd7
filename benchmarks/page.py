"""``python -m benchmarks.page``: what a comparison found of every figure to reach, as tables in docs/results.md.

They are drawn from results/compare.json and from nothing else measured, and stand between two marks in the page, whose
other words are written by hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .comparison.matchups import PRECISIONS, groups, short
from .comparison.targets import BARS, INT8, OPENVINO, ORT, all_thresholds
from .comparison.thresholds import Threshold
from .utils.machine import ROOT
from .utils.report import RESULTS, between

PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- from results/compare.json, by python -m benchmarks.page -->", "<!-- end -->"
NAMES = {ORT: "ORT", OPENVINO: "OpenVINO", INT8: "int8"}
Found = Mapping[str, Mapping[str, Any]]  # by the title of a threshold


def tables(found: Found) -> str:
    """Set every threshold, those of speed by network and precision; ``found``: their verdicts, as far as measured."""
    thresholds = all_thresholds({group.name: group for group in groups()})
    bars = {(one.about["network"], one.about["precision"]): [] for one in thresholds if one.about}
    for one in thresholds:
        if one.about:
            bars[one.about["network"], one.about["precision"]].append(_cell(one, found))
    rows = [("network", *PRECISIONS), ("---",) * (1 + len(PRECISIONS))]
    for network in dict.fromkeys(bar.network for bar in BARS):
        cells = ("; ".join(bars.get((network, precision), [])) for precision in PRECISIONS)
        rows.append((short(network) + _beside(network), *cells))
    others = [("", "must be", "is", "in how many runs"), ("---",) * 4]
    others += [_row(one, found) for one in thresholds if not one.about]
    return "\n\n".join("\n".join(f"| {' | '.join(row)} |" for row in each) for each in (rows, others))


def _beside(network: str) -> str:
    beside = next((bar.beside for bar in BARS if bar.network == network and bar.beside), None)
    return f" (the others: {beside})" if beside else ""


def _cell(one: Threshold, found: Found) -> str:
    """How many times as fast it is, what it must be, and in how many runs it is that."""
    wanted = f"aim {one.aim:g}" if one.bound is None else f"{one.bound:g}"
    verdict = found.get(one.title, {})
    if verdict.get("median") is None:
        return f"x {NAMES[one.about['against']]} ({wanted})"
    often = "" if one.bound is None else f", {_often(verdict)}"
    value = f"{verdict['median']:.2f} x {NAMES[one.about['against']]}"
    return f"{value if verdict['holds'] else f'**{value}**'} ({wanted}{often})"


def _often(verdict: Mapping[str, Any]) -> str:
    return f"{verdict['holds_in']} of {len(verdict['values'])}"


def _row(one: Threshold, found: Found) -> tuple[str, str, str, str]:
    bound = one.aim if one.bound is None else one.bound
    wanted = f"{'at most' if one.at_most else 'at least'} {bound:g}{' (aim)' if one.bound is None else ''}"
    verdict = found.get(one.title, {})
    if verdict.get("median") is None:
        return one.title, wanted, "", ""
    value = format(verdict["median"], one.shown)
    return one.title, wanted, value if verdict["holds"] else f"**{value}**", _often(verdict)


def read(path: Path) -> Found:
    """Read the verdicts of a comparison's JSON. Raises OSError, ValueError or KeyError."""
    return {verdict["threshold"]: verdict for verdict in json.loads(path.read_text())["thresholds"]}


def drawn(page: str, found: Found) -> str:
    """Return the page with the tables between its marks. Raises ValueError where it has none."""
    return between(page, BEGIN, END, tables(found))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__.partition("\n")[0])
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS / "compare.json")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to draw in; default docs/results.md")
    options = parser.parse_args(arguments)
    try:
        text = drawn(options.page.read_text(encoding="utf-8"), read(options.results))
        options.page.write_text(text, encoding="utf-8")
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {options.results}, {options.page}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
