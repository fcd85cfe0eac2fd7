"""Pictures in the rows of Parquet files: a column of their bytes, or of their paths.

A file is read by row groups, a few rows at a time; a row group is what one worker of a cluster gets to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InputError
from .stores import Stored, arrow, is_uri, open_object

__all__ = ["ENDING", "Picture", "RowGroup", "is_table", "row_groups", "stored"]

ENDING = ".parquet"
COLUMNS = ("bytes", "image", "content", "path", "uri")  # that are looked for where none is named, in this order
NAMES = "path"  # the column that names pictures whose bytes are in another one
ROWS = 16  # that are read at a time


@dataclass(frozen=True)
class Picture:
    """A picture: the ``name`` that its row has as path, and the image, or the error by which there is none."""

    name: str
    image: str | bytes | Stored
    error: Exception | None = None


@dataclass(frozen=True)
class RowGroup:
    """The pictures of one row group of a Parquet file, but for those whose places are ``done``.

    ``table``: its path or URI; ``first``: the place of its first row in the file; ``column``: of bytes or paths;
    ``names``: of what names them, None where that is ``TABLE#PLACE``.
    """

    table: str
    group: int
    first: int
    count: int
    column: str
    names: str | None
    done: frozenset[int] = frozenset()

    def __len__(self) -> int:
        """Count the pictures that are left."""
        return self.count - len(self.done)

    def pictures(self) -> Iterator[Picture]:
        """Read the pictures; the error of a file that is damaged comes as one of them."""
        place = self.first
        try:
            for images, names in self._read([self.column, *([self.names] if self.names else [])]):
                for image, name in zip(images, names, strict=True):
                    if place not in self.done:
                        yield _picture(self._name(place, name), image)
                    place += 1
        except (InputError, OSError) as error:
            for left in range(place, self.first + self.count):
                if left not in self.done:
                    yield Picture(self._name(left, None), b"", error)

    def without(self, done: Counter[str]) -> RowGroup:
        """Leave out the pictures that are in ``done``, and take them out of it."""
        if not done:
            return self
        places = set()
        for place, name in enumerate(self._all_names(), self.first):
            if done[name] > 0:
                done[name] -= 1
                places.add(place)
        return replace(self, done=frozenset(places))

    def _all_names(self) -> Iterator[str]:
        place = self.first
        with suppress(InputError, OSError):  # which name the pictures that come after them by their place, as above
            for names, _ in self._read([self.names]) if self.names else ():
                for name in names:
                    yield self._name(place, name)
                    place += 1
        yield from (self._name(left, None) for left in range(place, self.first + self.count))

    def _name(self, place: int, name: Any) -> str:
        return name if isinstance(name, str) else f"{self.table}#{place}"

    def _read(self, columns: list[str]) -> Iterator[tuple[list[Any], list[Any]]]:
        """Read the first of ``columns`` and the last of them, a few rows at a time."""
        with _opened(self.table) as file:
            for batch in file.iter_batches(ROWS, row_groups=[self.group], columns=columns, use_threads=False):
                yield _values(batch.column(columns[0])), _values(batch.column(columns[-1]))


def is_table(name: str) -> bool:
    """Tell whether a path or URI is that of a Parquet file, by how it ends."""
    return (name.partition("?")[0] if is_uri(name) else name).lower().endswith(ENDING)


def row_groups(table: str, column: str | None = None) -> Iterator[RowGroup]:
    """Give the row groups of a Parquet file, whose pictures are in ``column``.

    Without ``column`` it is the first that is there of bytes, image, content, path, uri. A column of strings holds
    paths or URIs, one of binary the bytes of image files, as does one of structs with a field ``bytes``. A column path
    names the pictures; else they go by their file and their place in it. Raises InputError, OSError.
    """
    with _opened(table) as file:
        schema = file.schema_arrow
        chosen = _chosen(table, schema, column)
        kind = schema.field(chosen).type
        names = NAMES if NAMES in schema.names and _is_text(schema.field(NAMES).type) else None
        names = chosen if _is_text(kind) else names
        first = 0
        for group in range(file.metadata.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            if count:
                yield RowGroup(table, group, first, count, chosen, names)
            first += count


def stored(name: str) -> str | Stored:
    """Give what reads the image of that name: a path as it is, a URI as an object in a store."""
    return Stored(name) if is_uri(name) else name


def _picture(name: str, image: Any) -> Picture:
    if isinstance(image, str):
        return Picture(name, stored(image))
    if isinstance(image, bytes):
        return Picture(name, image)
    return Picture(name, b"", InputError(f"{name}: expected the path or the bytes of an image, got null"))


@contextmanager
def _opened(table: str) -> Iterator[Any]:
    """Open a Parquet file; what pyarrow raises of a damaged one becomes an InputError that names it."""
    parquet, errors = arrow("pyarrow.parquet"), arrow("pyarrow").ArrowException
    try:
        with open_object(table) if is_uri(table) else open(table, "rb") as stream:  # noqa: PTH123  # as it is named
            yield parquet.ParquetFile(stream)
    except (errors, UnicodeDecodeError) as error:
        raise InputError(f"{table}: expected a whole Parquet file, got {error}") from error


def _chosen(table: str, schema: Any, column: str | None) -> str:
    known = [name for name in (COLUMNS if column is None else (column,)) if name in schema.names]
    if not known:
        wanted = f"a column {column!r}" if column is not None else f"a column of {', '.join(COLUMNS)}"
        found = ", ".join(map(str, schema.names[:20]))
        raise InputError(f"{table}: expected {wanted}, found {found}; name that of the pictures by --column")
    kind = schema.field(known[0]).type
    if not (_is_text(kind) or _is_binary(kind) or _has_bytes(kind)):
        raise InputError(f"{table}: expected paths or bytes of images in the column {known[0]!r}, got {kind}")
    return str(known[0])


def _is_text(kind: Any) -> bool:
    types = arrow("pyarrow.types")
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _is_binary(kind: Any) -> bool:
    types = arrow("pyarrow.types")
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _has_bytes(kind: Any) -> bool:
    types = arrow("pyarrow.types")
    return bool(types.is_struct(kind) and kind.get_field_index("bytes") >= 0 and _is_binary(kind.field("bytes").type))


def _values(column: Any) -> list[Any]:
    """Give a column as Python's strings or bytes; of structs, their field ``bytes``."""
    if arrow("pyarrow.types").is_struct(column.type):
        return [None if value is None else value["bytes"] for value in column.to_pylist()]
    return list(column.to_pylist())
