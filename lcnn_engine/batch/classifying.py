"""One picture: its best classes, or why there are none; and the row that says so."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

from ..errors import InputError
from ..images.preprocessing import to_input
from ..net import Net
from ..utils.text import message_of
from .stores import Stored

__all__ = ["Classes", "Classifier", "Row", "columns_of"]

Classes: TypeAlias = Sequence[tuple[str, float]]
Row: TypeAlias = dict[str, Any]  # columns_of(top) -> str, float or None


def columns_of(top: int) -> list[str]:
    """Name the columns of a row: path, label and probability, those of the second class and so on, error."""
    ranks = ["", *(f"_{rank}" for rank in range(2, top + 1))]
    return ["path", *(f"{name}{rank}" for rank in ranks for name in ("label", "probability")), "error"]


class Classifier:
    """A network that answers a picture with its best classes, or with the reason why there are none.

    It may be used from many threads at once, and pickled, as the network may.
    """

    def __init__(self, net: Net, top: int = 1) -> None:
        """Take a network, and how many classes to give. Raises InputError for one that cannot classify pictures."""
        if net.graph.preprocessing is None:
            raise InputError(f"{net.name}: expected a model that says how to preprocess images; export it so")
        if len(net.output_shape) != 1:
            raise InputError(f"{net.name}: expected a model that gives (classes,), got {net.output_shape}")
        self._net = net
        self._top = top
        self._columns = columns_of(top)

    def classes(self, image: Any) -> Classes | Exception:
        """Give the best classes, as (label, probability), or the error that is in their way.

        ``image``: what :meth:`Net.predict` takes of one image; a path may be that of a pipe. Or an object in a store.
        """
        preprocessing = self._net.graph.preprocessing
        assert preprocessing is not None
        try:
            x = to_input(_readable(image), preprocessing, self._net.input_shape)
            return cast("Classes", self._net.classify(x, top=self._top))
        except (InputError, OSError) as error:
            return error
        except MemoryError:
            return MemoryError("out of memory")

    def row(self, name: str, image: Any, error: Exception | None = None) -> Row:
        """Give the row of a picture: its ``name`` as path, and its classes, or what failed, which ``error`` may say."""
        found = error or self.classes(image)
        row: Row = dict.fromkeys(self._columns)
        row["path"] = name
        if isinstance(found, Exception):
            row["error"] = message_of(found)
        else:
            values = [value for pair in found for value in pair]
            row.update(zip(self._columns[1:], values, strict=False))
        return row


def _readable(image: Any) -> Any:
    """Give the bytes of an object in a store, and of a pipe, which cannot be read twice as files are."""
    if isinstance(image, Stored):
        return image.read()
    if not isinstance(image, str):
        return image
    try:
        piped = stat.S_ISFIFO(Path(image).stat().st_mode)
    except (OSError, ValueError):  # opening it says what is wrong
        piped = False
    return Path(image).read_bytes() if piped else image
