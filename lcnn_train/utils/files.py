"""Files that are either whole or not there, for writers that take a path."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from lcnn_engine.utils.files import replacing_path

# What Python raises of a damaged archive, and of JSON or arrays in it. RuntimeError is encryption, a compression that
# it does not know, or lists nested too deep.
DAMAGED_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, LookupError, TypeError, RuntimeError
)  # fmt: skip


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], object], suffix: str = ".tmp") -> None:
    """Call `write(temporary)` and move the file that it made to `path`; on any error nothing is left.

    `suffix` ends the temporary file's name, for writers that go by it. Raises OSError where no file can come to lie,
    and what `write` does.
    """
    with replacing_path(path, suffix) as temporary:
        write(temporary)
