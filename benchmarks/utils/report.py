"""Tables for people and JSON for programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"


def table(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Set rows of cells under each other; columns in ``left`` are flush left, the others right. Row 0 is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    lines = [line(row) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def add_name(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the option ``--name``; :func:`chosen_name` says what it means where it is not given."""
    parser.add_argument(
        "--name", type=_name, default=None,
        help=f"benchmarks/results/NAME.json and so on; default {default}, or {default}-part for a part of everything",
    )  # fmt: skip


def chosen_name(name: str | None, default: str, whole: bool) -> str:
    """Choose where results go: those of a part never over those of the whole, unless asked for by name."""
    return name or (default if whole else f"{default}-part")


def _name(text: str) -> str:
    if text in ("", "..") or Path(text).name != text or "\0" in text:
        raise argparse.ArgumentTypeError(f"expected a name of files, without their folder, got {text!r}")
    return text


def write(name: str, text: str, results: dict[str, Any]) -> Path:
    """Write ``text`` to ``results/<name>.txt`` and the numbers to ``<name>.json``, each whole or not at all.

    Returns the path of the JSON.
    """
    numbers = json.dumps(results, indent=1)
    _replace(RESULTS / f"{name}.txt", text)
    return _replace(RESULTS / f"{name}.json", numbers)


def write_json(name: str, results: dict[str, Any]) -> Path:
    """Write the numbers to ``results/<name>.json``, whole or not at all; return its path."""
    return _replace(RESULTS / f"{name}.json", json.dumps(results, indent=1))


def between(page: str, begin: str, end: str, content: str) -> str:
    """Return ``page`` with ``content`` between two marks. Raises ValueError where it has not both, in this order."""
    before, first, rest = page.partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last:
        raise ValueError(f"expected the marks {begin} and {end}")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def _replace(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text + "\n")
    return partial.replace(path)
