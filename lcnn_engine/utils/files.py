"""Files, and folders of them, that are either whole or not there.

Until it is whole, one has a name of its own beside its place: ``.lcnn-PLACE-PID-RANDOM``, by which a later writer
in that folder finds and removes what a killed one has left.
"""

from __future__ import annotations

import errno
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["check_place", "replacing", "replacing_folder", "replacing_path"]

_UNFINISHED = re.compile(r"\.lcnn-([0-9a-f]{8})-([0-9]{1,10})-[0-9a-f]{16}(\.\w+)?")
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD; RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_own: set[str] = set()  # names of what this process is writing


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
    ``suffix`` ends the name, for writers that go by it. What writers that were killed have left there is removed.

    Raises OSError, which names ``path``, where no file can come to lie, and FileNotFoundError if none was written.
    """
    path = Path(path)
    check_place(path)
    with _unfinished(path, suffix) as temporary:
        try:
            yield temporary
            _flush(temporary)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    _flush_folder(path.parent)


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


@contextmanager
def replacing_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a folder beside ``path`` for files to be written into.

    At the end of the block it takes the place of ``path``, once all of it is on the disk, or vanishes if anything
    fails; a folder that is there goes with what is in it. The two change places in one step, where the system can:
    whoever is killed leaves one of them whole. What writers that were killed have left is removed. Raises OSError.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished(path, "") as making:
        try:
            making.mkdir()
            yield making
            for place in sorted(making.rglob("*"), reverse=True):  # what lies in a folder before the folder
                _flush_folder(place) if place.is_dir() else _flush(place)
            _flush_folder(making)
            if path.exists():
                _exchange(making, path)
            else:
                making.replace(path)
            _flush_folder(path.parent)
        finally:
            _remove_tree(making)  # what has failed, or was there before


@contextmanager
def _unfinished(path: Path, suffix: str) -> Iterator[Path]:
    """Give a name of this process' own beside ``path``, in a folder without what dead ones have left."""
    _remove_leftovers(path.parent)
    temporary = path.parent / f".lcnn-{_machine()}-{os.getpid()}-{os.urandom(8).hex()}{suffix}"
    _own.add(temporary.name)
    try:
        yield temporary
    finally:
        _own.discard(temporary.name)


def _exchange(one: Path, other: Path) -> None:
    """Let two folders change places: in one step where the system has a call for that."""
    import ctypes  # here, for most programs never write a folder

    library = ctypes.CDLL(None, use_errno=True)
    names = [os.fsencode(path) for path in (one, other)]
    if hasattr(library, "renameat2"):  # Linux
        failed = library.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE)
    elif hasattr(library, "renamex_np"):  # macOS
        failed = library.renamex_np(*names, _EXCHANGE)
    else:
        failed = True
    if failed:  # the file system may not have it
        aside = one.with_name(f"{one.name}.old")
        other.replace(aside)
        one.replace(other)
        aside.replace(one)


def _remove_tree(folder: Path | str) -> None:
    import shutil  # here: it imports every compression there is, and who reads a model removes nothing

    shutil.rmtree(folder, ignore_errors=True)


def _flush(path: Path) -> None:
    with path.open("rb+") as written:
        os.fsync(written.fileno())


def _flush_folder(path: Path) -> None:
    """Let the names in a folder survive a power cut, too."""
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _machine() -> str:
    """Give 8 digits for where process numbers are those of this process: a folder may be shared with other machines,
    and with containers."""
    known = [os.uname().nodename] if hasattr(os, "uname") else []
    with suppress(OSError):
        known.append(str(Path("/proc/self/ns/pid").readlink()))
    with suppress(OSError):
        known.append(Path("/etc/machine-id").read_text(encoding="ascii", errors="replace"))
    return f"{zlib.crc32(repr(known).encode()):08x}"


def _remove_leftovers(folder: Path) -> None:
    """Remove what dead processes of this machine were writing in ``folder``, never what a living one may be."""
    if os.name != "posix":  # elsewhere os.kill does kill
        return
    machine = _machine()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _UNFINISHED.fullmatch(entry.name)
            if match and match[1] == machine and _is_dead(entry.name, int(match[2])):
                if entry.is_dir(follow_symlinks=False):
                    _remove_tree(entry.path)
                    continue
                with suppress(OSError):
                    Path(entry.path).unlink()


def _is_dead(name: str, process: int) -> bool:
    """Tell whether ``process`` is no more; where that is our own number, whether ``name`` is one that it had before."""
    if process == os.getpid():
        return name not in _own
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return process > 0
    except OSError:  # it is somebody else's
        return False
    return False
