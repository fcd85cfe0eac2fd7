"""A sweep's JSON as lines of points, and ours against the others at equal accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..comparison.engines import ENGINES
from .frontier import BARS, AtAccuracy, Point, at_equal_accuracy
from .measuring import OTHERS, OURS
from .tables import DENSE, SWEEPS

ORT, *LOW = OTHERS
FLOAT32, LOWER, ANY = "float32", "lower", "any"
ENGINES_OF = {FLOAT32: (OURS[0], ORT), LOWER: (*OURS[1:], *LOW), ANY: (*OURS, *LOW)}


@dataclass(frozen=True)
class Line:
    """The networks of one structure in one engine, as far as they are judged and timed."""

    engine: str
    structure: str
    title: str
    points: tuple[Point, ...]

    @property
    def ours(self) -> bool:
        return self.engine in OURS


def lines_of(results: Mapping[str, Any], precision: str) -> list[Line]:
    """Collect the lines of a precision: ``FLOAT32``, ``LOWER``, or ``ANY`` of ours beside their lower ones."""
    titles = {structure.name: structure.title for structure in SWEEPS[results["sweep"]].structures}
    lines = []
    for structure in (*titles, DENSE):
        for engine in ENGINES_OF[precision]:
            points = tuple(_points(results, structure, engine))
            title = f"{_short(engine, results)}: {titles.get(structure, DENSE)}"
            if points:
                lines.append(Line(engine, structure, title, points))
    return lines


def _points(results: Mapping[str, Any], structure: str, engine: str) -> list[Point]:
    rows = [point for point in results["points"] if point["structure"] == structure]
    found = [(point["name"], point["engines"].get(engine, {})) for point in rows]
    return [
        Point(one["accuracy"], one["milliseconds"], name)
        for name, one in found
        if "accuracy" in one and "milliseconds" in one
    ]


def _short(engine: str, results: Mapping[str, Any]) -> str:
    """Name an engine, with the precision that it chose."""
    title = ENGINES[engine].title.partition(",")[0]
    taken = next(
        (one["precision"] for p in results["points"] if (one := p["engines"].get(engine, {})).get("precision")), ""
    )
    own = {"lcnn-bf16": "bf16", "lcnn-int8": "int8", "litert-int8": "int8"}.get(engine, taken)
    return f"{title} {own}".rstrip()


def reference_accuracy(results: Mapping[str, Any]) -> float:
    """Return the best accuracy of a dense network in float32. Raises ValueError where none is judged."""
    found = [one["accuracy"] for point in results["points"] if point["structure"] == DENSE
             and "accuracy" in (one := point["engines"].get(ORT, {}))]  # fmt: skip
    return max(found)


def against(results: Mapping[str, Any], bar: str) -> list[AtAccuracy]:
    """Compare our networks with lookups with the dense ones of other engines, by a bar of ``BARS``."""
    lines = lines_of(results, bar)
    ours = [point for line in lines if line.ours and line.structure != DENSE for point in line.points]
    theirs = [point for line in lines if not line.ours for point in line.points]
    return at_equal_accuracy(ours, theirs, reference_accuracy(results))


def holds(found: list[AtAccuracy], bar: str) -> bool:
    """Tell whether ours takes at most the bar's share of their time at every accuracy that theirs has."""
    known = [one for one in found if one.theirs is not None]
    return bool(known) and all(one.ratio is not None and one.ratio <= BARS[bar] for one in known)
