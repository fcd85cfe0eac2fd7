"""The whole way: what is to be done, who does it, the journal, and at the end the file."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ..errors import SettingError
from ..images.image_names import STANDARD_INPUT
from ..model.graph import MAX_BYTES
from ..model.work import MAX_MULTIPLICATIONS
from ..net import Net
from ..runtime.threads import checked_threads
from .classifying import Classifier, Row
from .formats import check_out, write_rows
from .journal import Journal, journal_of
from .local import answered_here
from .pictures import Source, count_of, left_of, sources_of
from .tables import Picture

__all__ = ["ENGINES", "Summary", "run_batch"]

ENGINES = ("local", "ray")
VERSION = 1  # of the journal

Shown = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Summary:
    """What a run has done.

    ``rows`` of the file, ``failed`` of them with an error, ``resumed`` of them there before this run. ``startup``:
    seconds until the first answer; ``seconds`` from the first answer to the last, ``per_second`` pictures meanwhile.
    ``precision``: what was computed in.
    """

    rows: int
    failed: int
    resumed: int
    startup: float
    seconds: float
    per_second: float
    precision: str


def run_batch(
    model: str | os.PathLike[str],
    pictures: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    engine: str = "local",
    top: int = 1,
    threads: int | None = None,
    precision: str = "float32",
    column: str | None = None,
    address: str | None = None,
    resume: bool = False,
    max_bytes: int = MAX_BYTES,
    max_multiplications: int = MAX_MULTIPLICATIONS,
    progress: Shown | None = None,
) -> Summary | None:
    """Classify many pictures, and write a row for each to ``out``, whose name ends in .jsonl, .csv or .parquet.

    ``pictures``: files, folders, patterns, URIs of object stores, and Parquet files whose ``column`` holds paths or
    bytes, as :func:`sources_of` takes them. A row has the columns path, label, probability, with ``top`` above 1
    label_2, probability_2 and so on, and error: why a picture has no classes, None where it has.

    ``engine``: "local" takes the cores of this machine, rows in the order of the pictures; "ray" those of a cluster
    (package ray), which ``address`` names, or where it is None of a Ray that is started here and ended; rows as they
    come. ``threads``: how many cores, None for all. ``precision``, ``max_bytes`` and ``max_multiplications`` are as in
    ``Net.load``. ``progress(done, total)`` is called after every answer, ``total`` None where it is not known.

    Until all pictures are done the rows are kept in ``OUT.partial``. ``resume=True`` goes on where a run with the same
    arguments was interrupted, begins where there was none, and gives None where ``out`` is there and nothing is left to
    do. Raises SettingError for arguments, and where there is a run to resume but ``resume`` is False; InputError for a
    model that cannot classify pictures, ModelFormatError, MissingPackageError, OSError.
    """
    tally = _Tally(progress)
    words = [os.fspath(word) for word in pictures]
    _check(engine, address, top, threads)
    check_out(out)
    net = Net.load(model, threads=1, precision=precision, max_bytes=max_bytes, max_multiplications=max_multiplications)
    classifier = Classifier(net, top)
    if resume and Path(out).exists() and not journal_of(out).exists():
        return None
    head = _head(model, precision, top, words, column)
    with Journal(out, head, top, resume) as journal:
        sources, total = _sources(words, column)
        tally.begin(journal.done.total(), journal.failed, total)
        left = left_of(sources, journal.done)
        named = total if total and all(isinstance(source, Picture) for source in sources) else 0
        with closing(_answers(engine, classifier, left, named, threads, address)) as answers:
            for rows in answers:
                journal.add(rows)
                tally.add(rows)
        write_rows(out, journal.rows(), top)
        journal.remove()
    return tally.summary(net.precision)


def _check(engine: str, address: str | None, top: int, threads: int | None) -> None:
    checked_threads(threads)
    if engine not in ENGINES:
        raise SettingError(f"expected engine to be one of {', '.join(ENGINES)}, got {engine!r}")
    if address is not None and engine != "ray":
        raise SettingError(f"expected an address with the engine ray alone, got {address!r} with {engine}")
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise SettingError(f"expected top to be an integer of at least 1, got {top!r}")


def _head(
    model: str | os.PathLike[str], precision: str, top: int, words: Sequence[str], column: str | None
) -> dict[str, Any]:
    """Say what run this is, so that no other one goes on with its rows."""
    return {
        "lcnn batch": VERSION,
        "model": _digest([Path(model).read_bytes()]),
        "precision": precision,
        "top": top,
        "pictures": _digest(os.fsencode(word) + b"\0" for word in words),
        "column": column,
    }


def _digest(pieces: Iterable[bytes]) -> str:
    from hashlib import sha256  # here, for lcnn predict never asks

    found = sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def _sources(words: Sequence[str], column: str | None) -> tuple[Iterable[Source], int | None]:
    """Give the pictures, and how many they are: not of lines of the standard input, which may be long in coming."""
    sources = sources_of(words, column)
    if STANDARD_INPUT in words:
        return sources, None
    listed = list(sources)
    return listed, count_of(listed)


def _answers(
    engine: str,
    classifier: Classifier,
    sources: Iterable[Source],
    named: int,
    threads: int | None,
    address: str | None,
) -> Generator[list[Row], None, None]:
    if engine == "local":
        return answered_here(classifier, sources, checked_threads(threads), named)
    from .on_ray import answered_on_ray  # here, for most programs never ask

    return answered_on_ray(classifier, sources, threads, address)


class _Tally:
    """Counts and times, for the summary and whoever is shown them."""

    def __init__(self, progress: Shown | None) -> None:
        self._start = self._first = self._last = perf_counter()
        self._progress = progress

    def begin(self, resumed: int, failed: int, total: int | None) -> None:
        """Take what there was before the first answer."""
        self._rows = self._resumed = resumed
        self._failed = failed
        self._total = total
        self._at_once = 0  # rows that came with the first answer

    def add(self, rows: Sequence[Row]) -> None:
        """Count answers."""
        self._last = perf_counter()
        if not self._at_once:
            self._first, self._at_once = self._last, len(rows)
        self._rows += len(rows)
        self._failed += sum(row["error"] is not None for row in rows)
        if self._progress is not None:
            self._progress(self._rows, self._total)

    def summary(self, precision: str) -> Summary:
        """Say what was done."""
        seconds = self._last - self._first
        later = self._rows - self._resumed - self._at_once
        return Summary(
            rows=self._rows,
            failed=self._failed,
            resumed=self._resumed,
            startup=self._first - self._start,
            seconds=seconds,
            per_second=later / seconds if seconds else 0.0,
            precision=precision,
        )
