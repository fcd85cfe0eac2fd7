"""``lcnn predict``: the classes of images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any

from ..batch import Classifier
from ..batch.classifying import Classes
from ..images.image_names import STANDARD_INPUT, Named, image_names
from ..runtime.threads import checked_threads
from ..utils.ahead import in_order
from ..utils.progress import Progress
from ..utils.text import complain, message_of, note, printable
from .answers import Answers, CsvAnswers, JsonAnswers, JsonLinesAnswers
from .loading import load


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
    classifier = Classifier(load(options, cores if workers == 1 else 1), options.top)
    answers = _answers(options, [name for name, _ in names] if isinstance(names, list) else [])
    progress = Progress() if options.json or not _is_terminal(sys.stdout) else None
    bad = 0

    def work(named: Named) -> Classes | Exception:
        name, error = named
        return error or classifier.classes(name)

    # On one core threads would only take turns, but where names are waited for an answer must not wait with them.
    alone = workers == 1 and total is not None
    answered = ((name, work(name)) for name in names) if alone else in_order(work, names, workers)
    for done, ((image, _), found) in enumerate(answered, 1):
        if isinstance(found, Exception):
            message = message_of(found)
            message = message if image in message else f"{image}: {message}"
            complain(message)
            answers.bad(image, message)
            bad += 1
        else:
            answers.good(image, found)
        if progress:
            progress.show(done, total)
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


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()
