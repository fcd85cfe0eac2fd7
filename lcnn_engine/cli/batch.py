"""``lcnn batch``: a row in a file for each of many pictures."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from dataclasses import asdict

from ..batch import Summary, run_batch
from ..batch.journal import journal_of
from ..utils.progress import Progress
from ..utils.text import counted, note, printable
from .loading import limits_of, say_precision


def run(options: argparse.Namespace) -> int:
    """Classify the pictures, and say what was done; 2 if some could not be."""
    try:
        with redirect_stdout(sys.stderr):  # for what Ray says of a worker that is lost
            summary = _summary(options)
    except KeyboardInterrupt:
        note("")
        if journal_of(options.out).exists():
            kept = f"lcnn: stopped; the rows so far are kept in {journal_of(options.out)}: go on with --resume"
            print(printable(kept), file=sys.stderr)
        raise
    note("")
    if summary is None:
        print(printable(f"{options.out}: is whole already; nothing is left to do"), file=sys.stderr)
        return 0
    say_precision(options.precision, summary.precision)
    print(json.dumps(asdict(summary)) if options.json else printable(f"{options.out}: {_said(summary)}"))
    return 2 if summary.failed else 0


def _summary(options: argparse.Namespace) -> Summary | None:
    return run_batch(
        options.model,
        options.pictures,
        options.out,
        engine=options.engine,
        top=options.top,
        threads=options.threads,
        precision=options.precision,
        column=options.column,
        address=options.address,
        resume=options.resume,
        **limits_of(options),
        progress=Progress().show,
    )


def _said(summary: Summary) -> str:
    rows = [counted(summary.rows, "row")]
    if summary.resumed:
        rows.append(f"{summary.resumed:,} of them there before")
    if summary.failed:
        rows.append(f"{summary.failed:,} with an error")
    return (
        f"{', '.join(rows)}; {summary.startup:.1f} s until the first, then {summary.seconds:.1f} s, "
        f"{summary.per_second:,.0f}/s"
    )
