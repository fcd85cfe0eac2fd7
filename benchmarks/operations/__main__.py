"""``python -m benchmarks.operations``: every operation but lookups, ours against ONNX Runtime's.

One thread, one pinned core, batch 1, interleaved rounds in one process; see ``cases`` for how an operation
is isolated from the graph around it. Ends with 1 where ``--check`` is given and a ratio is over the threshold.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Sequence
from dataclasses import asdict

from ..utils import machine, report
from .cases import all_cases
from .measuring import THRESHOLD, Matchup, Row


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "noise" if row.ratio is None else f"{row.ratio:.2f}"
    ours = f"{row.ours_us:.2f}", f"{row.ours_spread:.0%}"
    theirs = f"{row.onnxruntime_us:.2f}", f"{row.onnxruntime_spread:.0%}"
    return row.operation, row.case, ratio + ("  <--" if row.over else ""), *ours, *theirs, row.method


def _table(rows: list[Row]) -> str:
    header = ("operation", "case", "ratio", "ours us", "+-", "ONNX Runtime us", "+-", "method")
    return report.table([header, *map(_cells, rows)], left=(0, 1, 2, 7))


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operations", description=__doc__)
    parser.add_argument(
        "--only", metavar="PATTERN", default="*", help="operations (or 'operation case') to measure, e.g. 'max_*'"
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--core", type=int, help="the core to stay on; default the last one")
    report.add_name(parser, "operations")
    parser.add_argument("--check", action="store_true", help=f"end with 1 where a ratio is over {THRESHOLD}")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _arguments(arguments)
    chosen = [
        case
        for case in all_cases()
        if fnmatch.fnmatch(case.group, options.only) or fnmatch.fnmatch(f"{case.group} {case.title}", options.only)
    ]
    try:
        if not chosen:
            raise ValueError(f"expected --only to fit an operation, got {options.only!r}")
        if options.rounds < 1:
            raise ValueError(f"expected at least one round, got {options.rounds}")
        machine.pin(options.core)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    matchups = [Matchup(case) for case in chosen]
    print("measuring", file=sys.stderr, flush=True)
    rows = [matchup.measure(options.rounds) for matchup in matchups]
    print("measured", file=sys.stderr, flush=True)
    facts = {**machine.describe(), "rounds": options.rounds}
    over = [row for row in rows if row.over]
    summary = f"{len(rows) - len(over)} of {len(rows)} within {THRESHOLD}x of ONNX Runtime"
    text = "\n\n".join([machine.heading(facts), _table(rows), summary])
    print(text)
    numbers = [asdict(row) for row in rows]
    report.write(
        report.chosen_name(options.name, "operations", options.only == "*"), text, {"machine": facts, "rows": numbers}
    )
    return 1 if options.check and over else 0


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
