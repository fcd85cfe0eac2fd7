"""Tables for the screen."""

from __future__ import annotations

from collections.abc import Sequence

from lcnn_engine.counting import NodeCost, totals
from lcnn_engine.text import millions, shape_text, table

_HEAD = (
    "layer",
    "operation",
    "output",
    "k",
    "lookups",
    "density",
    "dense Mmul",
    "Mmul",
    "of lookups",
    "weights",
    "bytes",
)


def cost_table(costs: Sequence[NodeCost]) -> str:
    """Of each layer with weights: dictionary, lookups, density, millions of multiplications, weights, bytes; totals."""
    total = totals(costs)
    sums = (millions(total[key]) for key in ("dense", "multiplications", "of_lookups"))
    last = ("total", "", "", "", f"{total['lookups']:,}", "", *sums, f"{total['weights']:,}", f"{total['bytes']:,}")
    return table(_HEAD, [*map(_row, costs), last], left=3)


def _row(cost: NodeCost) -> tuple[str, ...]:
    return (
        cost.name,
        cost.op,
        shape_text(cost.shape),
        "" if cost.atoms is None else f"{cost.atoms:,}",
        "" if cost.lookups is None else f"{cost.lookups:,}",
        "" if cost.density is None else f"{cost.density:.4f}",
        millions(cost.dense),
        millions(cost.multiplications),
        millions(cost.of_lookups),
        f"{cost.weights:,}",
        f"{cost.bytes:,}",
    )
