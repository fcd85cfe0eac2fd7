"""What a file of many pictures' rows must hold, by the network itself, and how to read one."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from lcnn_engine import Net

Row = dict[str, Any]


def expected_row(net: Net, path: Path) -> Row:
    """The row of a picture that can be read."""
    ((label, probability),) = net.classify(path, top=1)
    return {"path": str(path), "label": label, "probability": probability, "error": None}


def rows_of(path: Path) -> list[Row]:
    """The rows of a file of JSON lines or CSV; of CSV, as text but for probabilities and what is empty."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    with path.open(encoding="utf-8", newline="") as file:
        rows: list[Row] = [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]
    for row in rows:
        for name in row:
            if name.startswith("probability") and row[name] is not None:
                row[name] = float(row[name])
    return rows


def check_rows(rows: list[Row], net: Net, folder: Path) -> None:
    """Hold the rows of the fixture ``pictures`` to what the network says of each picture, whatever their order."""
    good = sorted(folder.glob("[0-9].png"))
    bad = [folder / "cut.png", folder / "more/text.jpg"]
    found = {row["path"]: row for row in rows}
    assert len(found) == len(rows) == len(good) + len(bad)
    for path in good:
        assert found[str(path)] == expected_row(net, path)
    for path in bad:
        row = found[str(path)]
        assert (row["label"], row["probability"]) == (None, None)
        assert path.name in row["error"]
        assert "expected a whole image" in row["error"]
