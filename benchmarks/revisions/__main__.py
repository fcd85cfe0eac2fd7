"""``python -m benchmarks.revisions COMMIT``: this tree against another commit, in bits and in time.

The commit is checked out in a temporary git worktree and built there; ``--against`` takes a folder where that is done.
Ends with 1 where ``--bits`` finds a difference, and with ``--check`` where the time of a network is longer by more than
2%, or its cold start by more than 3%, at the lower end of the 95% interval of the median.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lcnn_engine import LcnnError

from ..comparison.cold_start import StartError
from ..comparison.matchups import groups
from ..comparison.worker_process import WorkerError
from ..networks.images import Images
from ..networks.model_files import ConversionError
from ..networks.workloads import WORKLOADS
from ..utils import machine, report
from . import bits, speed
from .sides import Side, SideError, checkout, sides

TIMED = "alexnet,small"


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = ", ".join([*(group.name for group in groups()), *WORKLOADS])
    parser = argparse.ArgumentParser(prog="python -m benchmarks.revisions", description=__doc__.partition("\n")[0])
    parser.add_argument("commit", nargs="?", metavar="COMMIT", help="what to compare with, as git names it")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="instead of COMMIT, a tree that is built")
    parser.add_argument("--bits", action="store_true", help="compare results, and end with 1 where any differ")
    parser.add_argument("--time", action="store_true", help="compare times; without either option both are done")
    parser.add_argument("--check", action="store_true", help="end with 1 where anything is slower")
    parser.add_argument(
        "--workloads", type=lambda text: text.split(","), metavar="NAME,...",
        help=f"of {names}, or model files; default for bits all, for times {TIMED}",
    )  # fmt: skip
    parser.add_argument("--pairs", type=int, default=30, metavar="N", help="interleaved pairs of times; default 30")
    report.add_name(parser, "revisions")
    return parser.parse_args(arguments)


def chosen(names: Sequence[str]) -> list[str]:
    """Return the networks of those names: a group's that our engine runs, a workload or a model file as it is."""
    known = {group.name: (*group.scaled, *group.dense) for group in groups()}
    found: list[str] = []
    for name in names:
        if name not in known and name not in WORKLOADS and not Path(name).is_file():
            raise ValueError(f"expected workloads among {', '.join([*known, *WORKLOADS])}, or a file, got {name!r}")
        single = name if name in WORKLOADS else str(Path(name).resolve())
        found += known.get(name, (single,))
    return list(dict.fromkeys(found))


def everything() -> list[str]:
    """Return every workload, and what our engine runs of every group."""
    return list(dict.fromkeys([*WORKLOADS, *chosen([group.name for group in groups()])]))


@contextmanager
def _old_tree(options: argparse.Namespace) -> Iterator[Path]:
    if options.against:
        yield options.against
    else:
        with checkout(options.commit) as tree:
            yield tree


def main(arguments: Sequence[str] | None = None) -> int:
    options = _arguments(arguments)
    if not options.bits and not options.time:
        options.bits = options.time = True
    try:
        if bool(options.commit) == bool(options.against):
            raise ValueError("expected either COMMIT or --against FOLDER")
        if options.pairs < 1:
            raise ValueError(f"expected --pairs to be at least 1, got {options.pairs}")
        compared = chosen(options.workloads) if options.workloads else everything()
        timed = chosen(options.workloads or TIMED.split(","))
        with _old_tree(options) as tree, sides(tree) as (new, old):
            return _compare(options, new, old, compared, timed)
    except (LcnnError, SideError, WorkerError, StartError, ConversionError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _compare(options: argparse.Namespace, new: Side, old: Side, compared: Sequence[str], timed: Sequence[str]) -> int:
    """Measure what was asked for, print and write it; the exit status."""
    images = Images()
    rows = bits.compare(new, old, compared, images) if options.bits else []
    times = speed.compare(new, old, timed, images, options.pairs) if options.time else []
    tables = [bits.table(rows)] * bool(rows) + [speed.table(times)] * bool(times)
    facts: dict[str, Any] = {"new": new.commit, "old": old.commit, **machine.describe()}
    text = "\n\n".join([*tables, machine.heading(facts)])
    print(text)
    whole = options.bits and options.time and not options.workloads
    numbers = {
        "machine": facts,
        "bits": [row.as_json() for row in rows],
        "times": [one.as_json() for one in times],
    }
    report.write(report.chosen_name(options.name, "revisions", whole), text, numbers)
    slower = options.check and any(one.slower for one in times)
    return 1 if slower or any(row.different for row in rows) else 0


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
