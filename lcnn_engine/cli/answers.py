"""How ``lcnn predict`` writes an image's classes, or why there are none: lines of text, JSON, JSON lines, CSV."""

from __future__ import annotations

import csv
import json
import sys
from typing import Any

from ..batch.classifying import Classes
from ..utils.text import printable

__all__ = ["Answers", "CsvAnswers", "JsonAnswers", "JsonLinesAnswers"]

CSV_HEAD = ("image", "rank", "label", "probability", "error")


class Answers:
    """Lines of text, written as they come; an image that failed has none."""

    def __init__(self, width: int = 0) -> None:
        """Make names ``width`` columns wide."""
        self._width = width

    def good(self, image: str, classes: Classes) -> None:
        """Write the classes of an image."""
        ranked = "   ".join(f"{printable(label)} {value:.2%}" for label, value in classes)
        print(f"{printable(image):{self._width}}   {ranked}", flush=True)

    def bad(self, image: str, message: str) -> None:
        """Write what an image failed by."""

    def end(self) -> None:
        """Write what comes last."""


class JsonAnswers(Answers):
    """One JSON list of the good images, at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._answers: list[dict[str, Any]] = []

    def good(self, image: str, classes: Classes) -> None:
        self._answers.append(_entry(image, classes))

    def end(self) -> None:
        print("[" + ",\n ".join(map(json.dumps, self._answers)) + "]")


class JsonLinesAnswers(Answers):
    """A line of JSON for every image as it comes, for one that failed, too."""

    def good(self, image: str, classes: Classes) -> None:
        print(json.dumps(_entry(image, classes)), flush=True)

    def bad(self, image: str, message: str) -> None:
        print(json.dumps({"image": image, "error": message}), flush=True)


class CsvAnswers(Answers):
    """A row for every class of every image as it comes, and one for an image that failed."""

    def __init__(self) -> None:
        super().__init__()
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(CSV_HEAD)

    def good(self, image: str, classes: Classes) -> None:
        for rank, (label, value) in enumerate(classes, 1):
            self._writer.writerow((printable(image), rank, printable(label), value, ""))
        sys.stdout.flush()

    def bad(self, image: str, message: str) -> None:
        self._writer.writerow((printable(image), "", "", "", printable(message)))
        sys.stdout.flush()


def _entry(image: str, classes: Classes) -> dict[str, Any]:
    return {"image": image, "classes": [{"label": label, "probability": value} for label, value in classes]}
