"""``lcnn plan``: a model as a file for the C library."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..embed import write_plan
from ..format.model_file import read_model
from ..utils.text import printable
from .loading import limits_of


def run(options: argparse.Namespace) -> int:
    """Write the file, and say how large it is."""
    limits = limits_of(options)
    graph, tensors = read_model(options.model, **limits)
    write_plan(graph, tensors, options.file, isa=options.isa, precision=options.precision, **limits)
    print(printable(f"{options.file}: {Path(options.file).stat().st_size:,} bytes; lcnn_open opens it"))
    return 0
