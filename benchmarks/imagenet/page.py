"""The tables of docs/imagenet.md, between two marks; its other words are written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..utils.machine import ROOT
from ..utils.report import between
from .projection import GPU, REFERENCE, cost_of

PAGE = ROOT / "docs" / "imagenet.md"
BEGIN, END = "<!-- from results/imagenet.json, by python -m benchmarks.imagenet page -->", "<!-- end -->"
_SAID = 160  # characters of a command's last line


def drawn(page: str, results: Mapping[str, Any]) -> str:
    """Return the page with the tables between its marks. Raises ValueError where it has none."""
    parts = [part for part in (_costs(results), _pipeline(results)) if part]
    return between(page, BEGIN, END, "\n\n".join(parts))


def _costs(results: Mapping[str, Any]) -> str:
    """Set every configuration, where the one that the projection rests on has been measured."""
    rows = {row["name"]: row for row in results.get("configurations", ())}
    if REFERENCE not in rows:
        return ""
    head = ("configuration", "million parameters", "batch", "epochs", "ms a picture", "s a step", "pictures/s",
            "GiB", "core hours", "pictures/s, GPU", "hours, GPU")  # fmt: skip
    cells = []
    for name, row in sorted(rows.items()):
        cost = cost_of(row, rows[REFERENCE])
        cells.append(
            (
                f"`{name.removeprefix('imagenet-')}`", f"{row['parameters'] / 1e6:.1f}", str(row["batch_size"]),
                str(row["epochs"]), f"{cost.milliseconds:.0f}", f"{cost.step_seconds:.1f}",
                f"{cost.images_per_second:.2f}", f"{cost.gib:.1f}", f"{cost.core_hours:,.0f}",
                f"{cost.gpu_images_per_second:,.0f}", f"{cost.gpu_hours:,.0f}",
            )
        )  # fmt: skip
    batches = " and ".join(str(one["batch"]) for one in rows[REFERENCE]["steps"])
    facts = results["machine"]
    said = (
        f"Batches of {batches} pictures, continued to the configuration's own; processor time of one thread, the least "
        f"of a few steps. {facts['processor']}, TensorFlow {facts['tensorflow']}. GPU: projected, {GPU}."
    )
    return f"{_markdown(head, cells)}\n\n{said}"


def _pipeline(results: Mapping[str, Any]) -> str:
    rows = [
        (f"`{one['command']}`", f"{one['seconds']:.0f}", one["said"][-1][:_SAID] if one["said"] else "")
        for one in results.get("pipeline", ())
    ]
    return _markdown(("command", "seconds", "its last line"), rows) if rows else ""


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *(["---:"] * (len(head) - 1))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))
