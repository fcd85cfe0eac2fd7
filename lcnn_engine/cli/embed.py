"""``lcnn embed``: a model, or the library that opens plan files, as C sources."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..embed import embed, write_library
from ..errors import SettingError
from ..format.model_file import read_model
from ..utils.text import counted, printable
from .loading import limits_of


def run(options: argparse.Namespace) -> int:
    """Write the folder, and say what to do with it. Raises SettingError where it is not clear which."""
    given = [options.model, options.folder, options.name, options.isa]
    if options.library is not None and any(option is not None for option in given):
        raise SettingError("expected --library DIR alone: the library is not of a model; or MODEL and DIR without it")
    if options.library is None and (options.model is None or options.folder is None):
        raise SettingError("expected MODEL and DIR, or --library DIR; `lcnn embed --help` explains both")
    if options.library is not None:
        folder, files = options.library, write_library(options.library)
    else:
        graph, tensors = read_model(options.model, **limits_of(options))
        settings = {"name": options.name, "isa": options.isa, "precision": options.precision, **limits_of(options)}
        folder, files = options.folder, embed(graph, tensors, options.folder, **settings)
    size = sum((Path(folder) / file).stat().st_size for file in files)
    print(printable(f"{folder}: {counted(len(files), 'file')}, {size:,} bytes; begin with README.md"))
    return 0
