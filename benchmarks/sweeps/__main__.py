"""``python -m benchmarks.sweeps NAME [STEP...]``: train a sweep, judge and time what came out, draw its page.

The steps: ``train`` (hours; goes on where it was), ``judge`` counts right answers, ``time``, ``draw``; all of them in
this order where none is named. ``time`` needs nothing but the model files: it can be repeated on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lcnn_engine import LcnnError

from ..utils import machine, report
from .judging import load_test
from .measuring import collect, judge, measure_times
from .tables import SWEEPS
from .training import TrainerError, train

STEPS = ("train", "judge", "time", "draw")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweeps", description=__doc__.partition("\n")[0])
    parser.add_argument("sweep", choices=list(SWEEPS))
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"{', '.join(STEPS)}; default: all")
    parser.add_argument("--data", metavar="FOLDER", help="of the data set; default: where it is found")
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help="of the trainings; default runs/sweeps/NAME")
    parser.add_argument(
        "--files", type=Path, metavar="FOLDER", help="of the model files; default files in that of --runs"
    )
    parser.add_argument("--rounds", type=int, default=200, help="of timing, at most; default 200")
    parser.add_argument("--seconds", type=float, default=120, help="of timing, at most about twice that; default 120")
    return parser.parse_intermixed_args(arguments)


def run(options: argparse.Namespace) -> None:
    """Make the steps. Raises what they raise."""
    sweep = SWEEPS[options.sweep]
    folder = options.runs or Path("runs") / "sweeps" / sweep.name
    files = options.files or machine.ROOT / folder / "files"
    path = report.RESULTS / f"sweep-{sweep.name}.json"
    steps = options.steps or STEPS
    if "train" in steps:
        train(sweep, folder, files, options.data)
    if "judge" in steps or "time" in steps:
        results = collect(sweep, folder, files, json.loads(path.read_text()) if path.exists() else {})
        test = load_test(sweep.dataset, options.data)
        if "judge" in steps:
            judge(results, files, test)
        if "time" in steps:
            measure_times(results, files, test, options.rounds, options.seconds)
        report.write_json(f"sweep-{sweep.name}", results)
    if "draw" in steps:
        _draw(json.loads(path.read_text()))


def _draw(results: dict[str, Any]) -> None:
    from .drawing import draw
    from .page import drawn, new_page, page_path, picture_path

    page = page_path(results["sweep"])
    text = page.read_text(encoding="utf-8") if page.exists() else new_page(results["sweep"])
    page.write_text(drawn(text, results), encoding="utf-8")
    draw(results).savefig(picture_path(results["sweep"]), dpi=130)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _arguments(arguments)
    unknown = [step for step in options.steps if step not in STEPS]
    try:
        if unknown:
            raise ValueError(f"expected steps among {', '.join(STEPS)}, got {unknown[0]!r}")
        run(options)
    except (LcnnError, TrainerError, ValueError, OSError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
