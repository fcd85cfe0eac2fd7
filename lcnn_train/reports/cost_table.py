"""Tables for the screen."""

from __future__ import annotations

from collections.abc import Sequence

from lcnn_engine.analysis.cost import NodeCost, totals
from lcnn_engine.analysis.summary import COLUMNS, cells, total_cells
from lcnn_engine.utils.text import table


def cost_table(costs: Sequence[NodeCost]) -> str:
    """Write a table of layers with weights: dictionary, lookups, density, million multiplications, weights, bytes."""
    total = totals(costs)
    rows = [(cost.name, *cells(cost), f"{cost.weights:,}", f"{cost.bytes:,}") for cost in costs]
    rows.append(("total", *total_cells(total), f"{total['weights']:,}", f"{total['bytes']:,}"))
    return table(("layer", *COLUMNS, "weights", "bytes"), rows, left=3)
