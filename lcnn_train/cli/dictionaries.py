"""`lcnn-train dictionaries`: a figure of the dictionary and the kernels of conv1."""

from __future__ import annotations

import argparse
from pathlib import Path

from lcnn_train.cli.options import Commands, add_checkpoint


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("dictionaries", help="draw the dictionary and the kernels of conv1")
    parser.add_argument("model", metavar="MODEL", help="run folder, .keras file, or model file")
    parser.add_argument("--out", required=True, metavar="FILE", help="the figure, .png or .svg")
    parser.add_argument("--layer", metavar="NAME", help="another convolution that reads 1 or 3 channels")
    add_checkpoint(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Write the figure."""
    from lcnn_engine.utils.drawing import checked_format
    from lcnn_train.export.network import load_network
    from lcnn_train.reports.dictionaries import draw_dictionary

    checked_format(parsed.out)
    drawing = draw_dictionary(*load_network(parsed.model, parsed.checkpoint), parsed.layer)
    drawing.save(parsed.out)
    print(f"{parsed.out}: {Path(parsed.out).stat().st_size:,} bytes")
    return 0
