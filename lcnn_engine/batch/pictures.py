"""From words to pictures: files, folders, patterns and lines of paths; objects of stores; rows of Parquet files."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ..errors import InputError
from ..images.decoding import FORMATS
from ..images.image_names import Named, image_names
from .stores import is_uri, objects_below
from .tables import ENDING, Picture, RowGroup, is_table, row_groups, stored

__all__ = ["Source", "count_of", "left_of", "sources_of"]

Source = Picture | RowGroup
ENDINGS = (*itertools.chain(*FORMATS.values()), ENDING)


def sources_of(words: Sequence[str], column: str | None = None) -> Iterator[Source]:
    """Give the pictures that ``words`` mean, those of a Parquet file by row groups.

    A word is what :func:`image_names` takes, or a URI of an object, or of a folder, which means the images and Parquet
    files below it. What is named ``*.parquet`` holds pictures in its ``column`` (see :func:`row_groups`). A word that
    means none comes as a picture with its error. Raises MissingPackageError where pyarrow is needed and missing.
    """
    for name, error in _names(words):
        if error is None and is_table(name):
            try:
                yield from row_groups(name, column)
            except (InputError, OSError) as failure:
                yield Picture(name, b"", failure)
        else:
            yield Picture(name, stored(name), error)


def count_of(sources: Iterable[Source]) -> int:
    """Count the pictures."""
    return sum(len(source) if isinstance(source, RowGroup) else 1 for source in sources)


def left_of(sources: Iterable[Source], done: Counter[str]) -> Iterator[Source]:
    """Leave out the pictures that are in ``done`` as often as they are in it; each is taken out of it."""
    for source in sources:
        if isinstance(source, RowGroup):
            source = source.without(done)
            if len(source):
                yield source
        elif done[source.name] > 0:
            done[source.name] -= 1
        else:
            yield source


def _names(words: Sequence[str]) -> Iterator[Named]:
    for word in words:
        if not is_uri(word):
            yield from image_names([word])
            continue
        try:
            yield from ((name, None) for name in objects_below(word, ENDINGS))
        except (InputError, OSError) as error:
            yield word, error
