"""The rows of a run that is not done, in a file beside the one that it is to make: ``FILE.partial``.

It is lines of JSON: a head that says what the run is, then a row in each line, in the order in which they came. A line
is written at once, so a run that is killed leaves whole rows and at most one that is cut off. A power cut may do more
to the end of a file, and is met in the same way: the first line that is no row and all that follow it do not count, and
their pictures are done again.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import SettingError
from .classifying import Row, columns_of

__all__ = ["Journal", "journal_of"]

LONGEST = 2**24  # bytes of a line
SUFFIX = ".partial"


def journal_of(out: str | os.PathLike[str]) -> Path:
    """Name the journal of a run that is to make ``out``."""
    return Path(f"{os.fspath(out)}{SUFFIX}")


class Journal:
    """The rows that there are so far, to be added to, and to be read at the end.

    ``done`` counts by their path those that were there when it was opened, ``failed`` those of them with an error.
    As a context it closes the file, which stays until :meth:`remove`.
    """

    def __init__(self, out: str | os.PathLike[str], head: Mapping[str, Any], top: int, resume: bool) -> None:
        """Open the journal of the file ``out``, or begin it with ``head``.

        Raises SettingError where there is one but ``resume`` is False or its head is another one, and where another
        run is writing it; OSError.
        """
        self.path = journal_of(out)
        self.done: Counter[str] = Counter()
        self.failed = 0
        self._columns = columns_of(top)
        self._file = self.path.open("ab+")
        try:
            self._lock()
            self._file.seek(0)
            first, second = self._file.readline(LONGEST), self._file.readline(LONGEST)
            self._check(first, _parsed(second) is not None, head, resume)
            if _parsed(second) is None:  # it ended before the first row
                self._file.truncate(0)
                self._file.write(_line(head))
                self._file.flush()
            else:
                self._count(len(first))
        except BaseException:
            self._file.close()
            raise

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows down. Raises OSError."""
        self._file.write(b"".join(map(_line, rows)))
        self._file.flush()

    def rows(self) -> Iterator[Row]:
        """Read all rows, those of former runs first."""
        with self.path.open("rb") as file:
            file.readline()
            for line in file:
                yield json.loads(line)

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _lock(self) -> None:
        """Keep other runs from this file, until it is closed or this process has ended, however that comes about."""
        try:
            from fcntl import LOCK_EX, LOCK_NB, flock
        except ImportError:  # not Linux or macOS: that no two runs write one file is the user's to see to
            return
        try:
            flock(self._file, LOCK_EX | LOCK_NB)
            taken = os.fstat(self._file.fileno()).st_nlink == 0  # by a run that has just ended and removed it
        except BlockingIOError:
            taken = True
        if taken:
            raise SettingError(f"{self.path}: expected no other run that writes it, found one; wait for it, or end it")

    def _check(self, line: bytes, has_rows: bool, head: Mapping[str, Any], resume: bool) -> None:
        """Refuse to write over another file, and to go on with a run that was not asked for."""
        found = _parsed(line) or {}
        if line and found.keys() != head.keys():
            raise SettingError(f"{self.path}: expected the rows of a run of lcnn batch, found another file; move it")
        if not has_rows:
            return
        if not resume:
            raise SettingError(
                f"{self.path}: expected no run that was interrupted, found one; go on with it by --resume "
                "(resume=True), or remove it to begin anew"
            )
        others = [name for name, value in head.items() if found[name] != value]
        if others:
            raise SettingError(
                f"{self.path}: expected --resume with what that run was begun with, got another {', '.join(others)}; "
                "give the same, or remove the file to begin anew"
            )

    def _count(self, end: int) -> None:
        """Count the rows, which begin at ``end`` of the head, and cut off what follows the last whole one."""
        self._file.seek(end)
        while (row := _parsed(line := self._file.readline(LONGEST))) is not None and list(row) == self._columns:
            end += len(line)
            self.done[row["path"]] += 1
            self.failed += row["error"] is not None
        self._file.truncate(end)


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row).encode("ascii") + b"\n"


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Read the object of a whole line; None where it is none."""
    try:
        found = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
