"""The file of all rows, in the format that its name ends in: JSON lines, CSV, Parquet. It is whole or not there."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import SettingError
from ..utils.ahead import pieces
from ..utils.files import check_place, replacing
from ..utils.text import printable
from .classifying import Row, columns_of
from .stores import arrow

__all__ = ["check_out", "write_rows"]

ROWS = 2**16  # of a row group


def check_out(path: str | os.PathLike[str]) -> None:
    """Refuse a name whose ending is none of ours, and a place where no file can come to lie.

    Raises SettingError, OSError, and MissingPackageError for Parquet without pyarrow.
    """
    if _writer_of(path) is _write_parquet:
        arrow("pyarrow.parquet")
    check_place(path)


def write_rows(path: str | os.PathLike[str], rows: Iterator[Row], top: int) -> None:
    """Write the file. Raises OSError; it then is as it was."""
    with replacing(path) as stream:
        _writer_of(path)(stream, rows, columns_of(top))


def _writer_of(path: str | os.PathLike[str]) -> Callable[[Any, Iterator[Row], list[str]], None]:
    ending = Path(path).suffix.lower()
    if ending not in _WRITERS:
        raise SettingError(f"{os.fspath(path)}: expected a name that ends in {', '.join(_WRITERS)}, got {ending!r}")
    return _WRITERS[ending]


def _write_json_lines(stream: Any, rows: Iterator[Row], columns: list[str]) -> None:
    for row in rows:
        stream.write(json.dumps(row).encode("ascii") + b"\n")


def _write_csv(stream: Any, rows: Iterator[Row], columns: list[str]) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(_printable(row).values() for row in rows)
    text.detach()


def _write_parquet(stream: Any, rows: Iterator[Row], columns: list[str]) -> None:
    pyarrow = arrow("pyarrow")
    kinds = {name: pyarrow.float32() if name.startswith("probability") else pyarrow.string() for name in columns}
    schema = pyarrow.schema(kinds)
    with arrow("pyarrow.parquet").ParquetWriter(stream, schema) as writer:
        for piece in pieces(map(_printable, rows), ROWS):
            writer.write_table(pyarrow.Table.from_pylist(piece, schema))


def _printable(row: Row) -> Row:
    """Write out what a cell does not hold: control characters, and the bytes of a name that are no text."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in row.items()}


_WRITERS = {".jsonl": _write_json_lines, ".csv": _write_csv, ".parquet": _write_parquet}
