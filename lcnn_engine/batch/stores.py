"""Objects by their URI, as ``s3://bucket/folder/name.jpg``: listed and read by the file systems of pyarrow.

What follows the scheme and the host is taken as it stands: a name with ``%`` or a space in it is that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from ..errors import InputError, MissingPackageError

__all__ = ["Stored", "arrow", "is_uri", "objects_below", "open_object"]

MAX_OBJECT = 2**30  # bytes; the largest image that is taken has less, whatever its format

_URI = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+://[^/?]*)/?([^?]*)(\?.*)?", re.DOTALL)


@dataclass(frozen=True)
class Stored:
    """An object in a store that holds an image."""

    uri: str

    def read(self) -> bytes:
        """Read it whole. Raises OSError, InputError for one that is larger than any image."""
        try:
            with open_object(self.uri) as stream:
                size = stream.size()
                if size > MAX_OBJECT:
                    most = f"expected an image of at most {MAX_OBJECT} bytes, got {size}"
                    raise InputError(f"{self.uri}: {most}; shrink it first")
                return bytes(stream.read())
        except arrow("pyarrow").ArrowException as error:
            raise InputError(f"{self.uri}: expected an object that can be read, got {error}") from error


def arrow(module: str) -> Any:
    """Import a module of pyarrow. Raises MissingPackageError where it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "pyarrow":
            raise
        raise MissingPackageError(
            "expected the package pyarrow, which reads object stores and Parquet and writes Parquet, found none; "
            'install it: pip install "lcnn[batch]"'
        ) from error


def is_uri(name: str) -> bool:
    """Tell whether a name is that of an object in a store: a scheme, ``://``, and more."""
    return _URI.fullmatch(name) is not None


def objects_below(uri: str, endings: Sequence[str]) -> Iterator[str]:
    """Name the objects that a URI means: itself, or those below it whose names end so, in the order of their names.

    Raises InputError where it is a folder without any and where its scheme is unknown; FileNotFoundError, OSError.
    """
    system, path = _system_and_path(uri)
    fs = arrow("pyarrow.fs")
    found = system.get_file_info(path)
    if found.type == fs.FileType.NotFound:
        raise FileNotFoundError(f"{uri}: no such object")
    if found.type != fs.FileType.Directory:
        yield uri
        return
    below = system.get_file_info(fs.FileSelector(path, recursive=True))
    names = sorted(info.path for info in below if info.is_file and _is_seen(info.path[len(path) :], endings))
    if not names:
        raise InputError(f"{uri}: expected a folder with images, found no object ending in {', '.join(endings)}")
    root, rest, query = _parts(uri)
    base = path[: len(path) - len(rest.rstrip("/"))] if rest.rstrip("/") else path
    for name in names:
        yield f"{root}/{name[len(base) :].lstrip('/')}{query}"


def open_object(uri: str) -> Any:
    """Open an object as a file of pyarrow, to be read at any place. Raises OSError, InputError for its scheme."""
    system, path = _system_and_path(uri)
    return system.open_input_file(path)


def _is_seen(name: str, endings: Sequence[str]) -> bool:
    return name.lower().endswith(tuple(endings)) and not any(part.startswith(".") for part in name.split("/"))


def _parts(uri: str) -> tuple[str, str, str]:
    match = _URI.fullmatch(uri)
    assert match is not None
    return match[1], match[2], match[3] or ""


def _system_and_path(uri: str) -> tuple[Any, str]:
    root, rest, query = _parts(uri)
    system, base = _system(root, query)
    return system, f"{base.rstrip('/')}/{rest}".rstrip("/") or "/"


@lru_cache(maxsize=64)
def _system(root: str, query: str) -> tuple[Any, str]:
    """Make the file system of a scheme and host: once, for a store is asked about itself then."""
    fs = arrow("pyarrow.fs")
    try:
        system, base = fs.FileSystem.from_uri(f"{root}/{query}")
    except ValueError as error:  # pyarrow's ArrowInvalid, which names the schemes that it knows
        raise InputError(f"{root}: expected the URI of a store that pyarrow knows, got {error}") from error
    return system, str(base)
