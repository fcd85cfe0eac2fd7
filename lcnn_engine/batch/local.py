"""Many pictures on the cores of this machine: each is decoded and computed by one thread, a bounded number ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from ..utils.ahead import in_order, pieces
from .classifying import Classifier, Row
from .pictures import Source
from .tables import Picture, RowGroup

__all__ = ["answered_here"]

MOST_TOGETHER = 8  # pictures that a thread hands over at a time: each time others wait for Python's lock
PIECES_EACH = 32  # for a thread at least, so that all end at about the same time


def answered_here(
    classifier: Classifier, sources: Iterable[Source], workers: int, named: int = 0
) -> Generator[list[Row], None, None]:
    """Give the rows of pictures, in their order.

    ``named``: how many they are, where that is known and each is a name, so that several may go together: 0 for others,
    which may be long in coming, or large.
    """
    together = max(1, min(MOST_TOGETHER, named // (PIECES_EACH * workers)))

    def rows_of(pictures: list[Picture]) -> list[Row]:
        return [classifier.row(picture.name, picture.image, picture.error) for picture in pictures]

    for _, rows in in_order(rows_of, pieces(_pictures(sources), together), workers):
        yield rows


def _pictures(sources: Iterable[Source]) -> Iterator[Picture]:
    for source in sources:
        if isinstance(source, RowGroup):
            yield from source.pictures()
        else:
            yield source
