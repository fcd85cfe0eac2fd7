"""``python -m benchmarks.imagenet [STEP...]``: what training on ImageNet would cost, by made pictures.

The steps: ``costs`` measures a few training steps of every configuration, ``pipeline`` runs the trainer's commands on a
thousand class folders, ``page`` draws docs/imagenet.md; all of them where none is named. A configuration that has been
measured is not measured again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..utils import machine, report
from . import page
from .pipeline import PipelineError, make_folders, run_all
from .steps import StepError, configurations, measured

NAME = "imagenet"
STEPS = ("costs", "pipeline", "page")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imagenet", description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="*", metavar="STEP", help=f"{', '.join(STEPS)}; default: all")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the configurations; default: all for ImageNet")
    parser.add_argument("--batches", type=int, nargs="+", default=[4, 12], metavar="N", help="default 4 and 12")
    parser.add_argument("--steps", type=int, default=3, help="of each batch, besides the first; default 3")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="for made pictures; default: one that is removed")
    return parser.parse_intermixed_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the steps; 1 where a process failed, with what it was."""
    options = _arguments(arguments)
    unknown = [what for what in options.what if what not in STEPS]
    if unknown:
        print(f"expected steps among {', '.join(STEPS)}; found {', '.join(unknown)}", file=sys.stderr)
        return 2
    path = report.RESULTS / f"{NAME}.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    wanted = options.what or STEPS
    try:
        if "costs" in wanted:
            _measure(results, options)
        if "pipeline" in wanted:
            with tempfile.TemporaryDirectory() as folder:
                data = options.data or Path(folder) / "data"
                make_folders(data)
                results["pipeline"] = run_all(data, Path(folder) / "run", options.steps, max(options.batches))
            report.write_json(NAME, results)
    except (StepError, PipelineError) as error:
        print(error, file=sys.stderr)
        return 1
    if "page" in wanted:
        page.PAGE.write_text(page.drawn(page.PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    return 0


def _measure(results: dict[str, Any], options: argparse.Namespace) -> None:
    """Measure the configurations that are not known, and write each as soon as it is."""
    results["machine"] = machine.describe()
    rows = results.setdefault("configurations", [])
    known = {row["name"] for row in rows}
    for name in options.only or configurations():
        if name in known:
            continue
        print(name, file=sys.stderr, flush=True)
        rows.append(measured(name, options.steps, sorted(options.batches)))
        report.write_json(NAME, results)


if __name__ == "__main__":
    sys.exit(main())
