"""`lcnn-train plot`: loss, accuracy and density of a run by epoch, as a figure."""

from __future__ import annotations

import argparse
from pathlib import Path

from lcnn_train.cli.options import Commands


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("plot", help="draw loss, accuracy and density of a run by epoch")
    parser.add_argument("log", metavar="RUN", help="run folder, or its log.csv")
    parser.add_argument("--output", metavar="FILE", help=".png, .svg or .pdf (default: training.png beside the log)")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Draw the figure; say where it is."""
    from lcnn_train.reports.plot import plot_log

    log = Path(parsed.log)
    if log.is_dir():
        log /= "log.csv"
    output = Path(parsed.output) if parsed.output else log.with_name("training.png")
    plot_log(log, output)
    print(f"{output}: {output.stat().st_size:,} bytes")
    return 0
