"""From the words of a command line to image files: files, folders, patterns, and paths on the standard input."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path

from ..errors import InputError
from .decoding import FORMATS

__all__ = ["STANDARD_INPUT", "Named", "image_names"]

STANDARD_INPUT = "-"
ENDINGS = tuple(ending for endings in FORMATS.values() for ending in endings)
MAX_LINE = 2**16  # bytes; the longest path that Linux takes has 4096
PIECE = 2**16

Named = tuple[str, Exception | None]


def image_names(words: Sequence[str]) -> Iterator[Named]:
    """Name the image files that ``words`` mean, each with None, or a word with the error where it means none.

    A word is a file; a folder, which means the files below it whose names end as images' do; a pattern with ``*``,
    ``?``, ``[]`` or ``**``, where no file has that very name; or ``-``, which means a path in each line of the standard
    input. Files of a folder or of a pattern come in the order of their names, hidden ones are left out.
    """
    for word in words:
        try:
            yield from ((name, None) for name in _of_word(word))
        except (InputError, OSError, ValueError) as error:
            yield word, error


def _of_word(word: str) -> Iterator[str]:
    if word == STANDARD_INPUT:
        yield from _of_lines()
    elif Path(word).is_dir():
        yield from _of_folder(word)
    elif has_magic(word) and not os.path.lexists(word):
        matches = sorted(glob(word, recursive=True))  # noqa: PTH207  # Path.glob takes no pattern from the root
        if not matches:
            raise InputError(f"{word}: expected a pattern of image files, found none that match")
        for match in matches:
            if not Path(match).is_dir():
                yield match
            elif "**" not in word:  # which has found the files of its folders itself
                yield from _of_folder(match)
    else:
        yield word


def _of_folder(folder: str) -> Iterator[str]:
    found = False
    for path, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                found = True
                yield os.path.join(path, name)  # noqa: PTH118  # as it was written: ./a, not a
    if not found:
        known = ", ".join(ENDINGS)
        raise InputError(f"{folder}: expected a folder with images, found no file ending in {known}; name the files")


def _raise(error: OSError) -> None:
    raise error


def _of_lines() -> Iterator[str]:
    """Read descriptor 0 itself: a thread that waits in ``sys.stdin`` would not let the program end."""
    rest = b""
    while piece := os.read(0, PIECE):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield from _of_line(line)
        if len(rest) > MAX_LINE:
            raise _no_paths(f"more than {MAX_LINE} bytes without a line break")
    yield from _of_line(rest)


def _of_line(line: bytes) -> Iterator[str]:
    """Name the path in a line, which Windows ends with a carriage return; none in an empty one."""
    if b"\0" in line:
        raise _no_paths("a null character, as an image and `find -print0` have")
    if path := line.removesuffix(b"\r"):
        yield os.fsdecode(path)


def _no_paths(found: str) -> InputError:
    return InputError(f"standard input: expected one path a line, got {found}; for an image itself name /dev/stdin")
