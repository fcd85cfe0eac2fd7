"""Many pictures on the cores of this machine: each is decoded and computed by one thread, a bounded number ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from ..utils.ahead import in_order
from .classifying import Classifier, Row
from .pictures import Source
from .tables import Picture, RowGroup

__all__ = ["answered_here"]


def answered_here(classifier: Classifier, sources: Iterable[Source], workers: int) -> Generator[list[Row], None, None]:
    """Give the rows of pictures, in their order, one at a time."""

    def row_of(picture: Picture) -> Row:
        return classifier.row(picture.name, picture.image, picture.error)

    for _, row in in_order(row_of, _pictures(sources), workers):
        yield [row]


def _pictures(sources: Iterable[Source]) -> Iterator[Picture]:
    for source in sources:
        if isinstance(source, RowGroup):
            yield from source.pictures()
        else:
            yield source
