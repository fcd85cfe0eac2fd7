"""What a data set is to the rest of the trainer: numbered images with classes, some of which cannot be read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lcnn_engine.images.decoding import ImageLike
from lcnn_engine.utils.moved import former_names
from lcnn_train.errors import DataError

if TYPE_CHECKING:
    from typing_extensions import Self

_NAMED = 5


class Skipped:
    """The images of a data set that could not be read, each by its name, with the reason. Any thread may add."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()
        self.failure: DataError | None = None  # what ended a pipeline: TensorFlow would only pass on its text

    def add(self, name: str, error: Exception) -> None:
        """Note an image, and what was raised when it was read."""
        with self._lock:
            self._reasons.setdefault(name, _reason(error))

    def __len__(self) -> int:
        return len(self._reasons)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Names and reasons, by name."""
        with self._lock:
            return iter(sorted(self._reasons.items()))

    def __str__(self) -> str:
        """One line: how many, and the first of them."""
        found = list(self)
        if not found:
            return "every image could be read"
        named = "; ".join(f"{name} ({reason})" for name, reason in found[:_NAMED])
        more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        noun = "image that cannot be read" if len(found) == 1 else "images that cannot be read"
        return f"skipped {len(found):,} {noun}: {named}{more}"


def _reason(error: Exception) -> str:
    """What is wrong with an image, without its name, which is told beside it."""
    cause = error.__cause__ or error
    if type(cause).__name__ == "UnidentifiedImageError":
        return "no image in a format that Pillow reads"
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return " ".join(text.split()) or type(cause).__name__


class Images(Protocol):
    """Numbered images and their classes: one part of a data set.

    labels: int64 or uint8 (N,), counted from 0. classes: their names, or None where the data set has none.
    source: where they lie, for messages. skipped: those that were found to be unreadable, of the whole part.
    """

    @property
    def labels(self) -> np.ndarray: ...

    @property
    def classes(self) -> tuple[str, ...] | None: ...

    @property
    def source(self) -> str: ...

    @property
    def skipped(self) -> Skipped: ...

    def __len__(self) -> int: ...

    def read(self, index: int) -> ImageLike:
        """Return what the engine's preprocessing takes: a path, an encoded file as bytes, or uint8 pixels."""

    def name(self, index: int) -> str:
        """Return what it is called in a report."""

    def take(self, indices: np.ndarray) -> Self:
        """Take the images at `indices`, in that order."""


def check_classes(images: Images, classes: int) -> None:
    """Raise DataError if a label is beyond the model's number of classes."""
    highest = int(images.labels.max())
    if highest < classes:
        return
    name = f" ({images.classes[highest]})" if images.classes else ""
    raise DataError(
        f"{images.source}: expected labels below the model's {classes} classes; found {highest}{name}. "
        f"Set model.classes={classes_of(images)}"
    )


def classes_of(images: Images) -> int:
    """Count the classes of a data set: those with a name, or as many as its labels need."""
    return len(images.classes) if images.classes else int(images.labels.max()) + 1


def check_outputs(images: Images, classes: int) -> None:
    """Raise DataError unless a model of so many classes is one for these images: each output then has a name."""
    check_classes(images, classes)
    names = images.classes
    if names is not None and len(names) != classes:
        shown = ", ".join(names[:_NAMED]) + (" ..." if len(names) > _NAMED else "")
        raise DataError(
            f"{images.source}: expected the model's {classes} classes; found {len(names)}: {shown}. "
            f"Set model.classes={len(names)}"
        )


former_names(__name__, Pictures="Images")
