"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["check_place", "replacing", "replacing_path"]


def check_place(path: str | os.PathLike[str]) -> None:
    """Refuse a path where no file can come to lie: a folder, a device, or one in a folder that is not there.

    Raises OSError.
    """
    path = Path(path)
    number = 0
    if path.is_dir():
        number = errno.EISDIR
    elif not path.parent.is_dir():
        number = errno.ENOTDIR if path.parent.exists() else errno.ENOENT
    elif path.exists() and not path.is_file():
        raise FileExistsError(
            errno.EEXIST, "expected a file or nothing there, found a device, pipe or socket", str(path)
        )
    if number:
        raise OSError(number, os.strerror(number), str(path))


@contextmanager
def replacing_path(path: str | os.PathLike[str], suffix: str = ".tmp") -> Iterator[Path]:
    """Give a name beside ``path`` for a file to be written under.

    At the end of the block it takes the place of ``path``, once it is on the disk, or vanishes if anything fails.
    ``suffix`` ends the name, for writers that go by it.

    Raises OSError, which names ``path``, where no file can come to lie, and FileNotFoundError if none was written.
    """
    path = Path(path)
    check_place(path)
    temporary = path.parent / f".lcnn-{os.urandom(8).hex()}{suffix}"
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # so that the new name survives a power cut, too
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` at the end of the block, once it is on the disk, or vanishes if that
    fails. Raises OSError, which names ``path``."""
    with replacing_path(path) as temporary:
        try:
            stream = temporary.open("xb")
        except OSError as error:
            raise OSError(error.errno, os.strerror(error.errno or errno.EIO), str(path)) from None
        with stream:
            yield stream
