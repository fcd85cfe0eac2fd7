"""The folder in which the processes of one server keep their figures, for as long as one of them lives.

Whoever kills a server leaves its folder, so the next one on the machine removes it. Which server is dead is told by a
lock, which the system takes back however a process ends, and which forked workers hold with their parent.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

__all__ = ["FIGURES_FOLDER", "figures_folder"]

FIGURES_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # has to be known before metrics.py is imported
PREFIX = "lcnn-serve-figures-"
_NAME = re.compile(re.escape(PREFIX) + "[a-z0-9_]{8}")
_FIGURES = re.compile(r"\w+\.db")  # as prometheus_client names them


@contextmanager
def figures_folder() -> Iterator[Path]:
    """Make a folder for figures, and remove it at the end; before, remove those of servers that were killed."""
    parent = Path(tempfile.gettempdir())
    _remove_dead(parent)
    with ExitStack() as stack:
        folder = _made(parent, stack)
        try:
            yield folder
        finally:
            with suppress(OSError):
                _remove(folder)


def _made(parent: Path, stack: ExitStack) -> Path:
    """Make a folder and lock it; another one where a server that starts took it for a dead one's before that."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        try:
            stack.enter_context(_locked(folder))
        except (BlockingIOError, FileNotFoundError):
            continue
        except OSError:  # the file system has no locks: nobody removes it
            pass
        return folder


def _remove_dead(parent: Path) -> None:
    """Remove the folders of this user's servers of which no process lives."""
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_uid == os.getuid():
                with suppress(OSError), _locked(Path(entry.path)):
                    _remove(Path(entry.path))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder; its lock ends with the block, or the last of the processes that are forked within.

    Raises BlockingIOError where another has locked it, FileNotFoundError where that one has removed it, OSError where
    it is no folder or the file system has no locks.
    """
    from fcntl import LOCK_EX, LOCK_NB, flock  # here, for it is not on Windows, where no workers are forked either

    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        flock(opened, LOCK_EX | LOCK_NB)
        folder.lstat()
        yield
    finally:
        os.close(opened)


def _remove(folder: Path) -> None:
    """Remove a folder with its figures. Raises OSError where it holds anything else."""
    for path in folder.iterdir():
        if _FIGURES.fullmatch(path.name):
            path.unlink()
    folder.rmdir()
