"""``lcnn predict``: the classes of images."""

from __future__ import annotations

import argparse
import stat
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic
from typing import Any, cast

from ..errors import InputError
from ..images.preprocessing import to_input
from ..net import Net
from ..runtime.threads import checked_threads
from ..utils.text import complain, message_of, note, printable
from .ahead import in_order
from .answers import Answers, Classes, CsvAnswers, JsonAnswers, JsonLinesAnswers
from .image_names import STANDARD_INPUT, Named, image_names
from .loading import load

BAR = 24  # columns
NOTE_EVERY = 0.25  # seconds


def run(options: argparse.Namespace) -> int:
    """Print the classes of every image that is one; 2 if some are not."""
    names: Iterable[Named] = image_names(options.images)
    total = None
    if STANDARD_INPUT not in options.images:
        names = list(names)
        total = len(names)
    # Whole images, one a core, without a word between cores; of fewer images than cores, all cores on one.
    cores = checked_threads(options.threads)
    workers = 1 if total is not None and total < cores else cores
    net = load(options, cores if workers == 1 else 1)
    if net.graph.preprocessing is None:
        raise InputError(f"{options.model}: expected a model that says how to preprocess images; export it so")
    if len(net.output_shape) != 1:
        raise InputError(f"{options.model}: expected a model that gives (classes,), got {net.output_shape}")
    answers = _answers(options, [name for name, _ in names] if isinstance(names, list) else [])
    progress = _Progress(total) if options.json or not _is_terminal(sys.stdout) else None
    work = _work(net, options.top)
    bad = 0
    # On one core threads would only take turns, but where names are waited for an answer must not wait with them.
    alone = workers == 1 and total is not None
    for (image, _), found in ((name, work(name)) for name in names) if alone else in_order(work, names, workers):
        if isinstance(found, Exception):
            message = message_of(found)
            message = message if image in message else f"{image}: {message}"
            complain(message)
            answers.bad(image, message)
            bad += 1
        else:
            answers.good(image, found)
        if progress:
            progress.step()
    note("")
    answers.end()
    return 2 if bad else 0


def _answers(options: argparse.Namespace, names: list[str]) -> Answers:
    if options.json:
        return JsonAnswers()
    if options.jsonl:
        return JsonLinesAnswers()
    if options.csv:
        return CsvAnswers()
    return Answers(min(60, max((len(printable(name)) for name in names), default=0)))


def _work(net: Net, top: int) -> Callable[[Named], Classes | Exception]:
    """Make what a worker does with an image: read, decode and predict it."""
    preprocessing = net.graph.preprocessing
    assert preprocessing is not None

    def classes_of(named: Named) -> Classes | Exception:
        name, error = named
        if error is not None:
            return error
        try:
            x = to_input(_readable(name), preprocessing, net.input_shape)
            return cast("Classes", net.classify(x, top=top))
        except (InputError, OSError) as failure:
            return failure

    return classes_of


def _readable(name: str) -> str | bytes:
    """Give the bytes of a pipe, which cannot be read twice as files are; of anything else its name."""
    try:
        piped = stat.S_ISFIFO(Path(name).stat().st_mode)
    except (OSError, ValueError):  # opening it says what is wrong
        piped = False
    return Path(name).read_bytes() if piped else name


class _Progress:
    """A bar on a terminal's standard error: how many images are done, how many a second, how long for the rest.

    Thirty lines of our own: the engine's one dependency beside NumPy is Pillow, and rich is the trainer's.
    """

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._done = 0
        self._start = self._noted = monotonic()

    def step(self) -> None:
        """Count an image."""
        self._done += 1
        now = monotonic()
        if now - self._noted >= NOTE_EVERY:
            self._noted = now
            note(self._line(self._done / (now - self._start)))

    def _line(self, rate: float) -> str:
        if self._total is None:
            return f"{self._done:,} images, {rate:,.0f}/s"
        filled = "#" * (BAR * self._done // self._total)
        left = round((self._total - self._done) / rate)
        time = f"{left // 60}:{left % 60:02} left"
        return f"[{filled:{BAR}}] {self._done:,} of {self._total:,}, {rate:,.0f}/s, {time}"


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()
