"""``lcnn embed``: a model as C sources."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..embed import embed
from ..format.model_file import read_model
from ..utils.text import counted, printable
from .loading import limits_of


def run(options: argparse.Namespace) -> int:
    """Write the folder, and say what to do with it."""
    limits = limits_of(options)
    graph, tensors = read_model(options.model, **limits)
    files = embed(
        graph, tensors, options.folder, name=options.name, isa=options.isa, precision=options.precision, **limits
    )
    size = sum((Path(options.folder) / file).stat().st_size for file in files)
    print(printable(f"{options.folder}: {counted(len(files), 'file')}, {size:,} bytes; begin with README.md"))
    return 0
