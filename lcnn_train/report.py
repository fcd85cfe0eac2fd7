"""Tables for the screen."""

from __future__ import annotations

import keras
from rich.console import Console
from rich.table import Table

from lcnn_train import sparsity


def density_table(model: keras.Model) -> Table:
    """Of each layer that multiplies: dictionary, lookups, density, and multiplications by the paper's counting rule."""
    table = Table("layer", box=None)
    for title in ("k", "lookups", "density", "dense multiplications", "lookup multiplications", "all"):
        table.add_column(title, justify="right")
    counts = sparsity.count(model)
    for c in counts:
        table.add_row(c.name, *_lookup_cells(c), f"{c.total:,}")
    found = [c for c in counts if isinstance(c, sparsity.LookupCount)]
    lookups, lookup = sum(c.lookups for c in found), sum(c.lookup for c in found)
    dense = sum(c.dense for c in counts)
    table.add_row("all", "", f"{lookups:,}", "", f"{dense:,}", f"{lookup:,}", f"{dense + lookup:,}", style="bold")
    return table


def _lookup_cells(c: sparsity.LayerCount) -> tuple[str, ...]:
    if not isinstance(c, sparsity.LookupCount):
        return "", "", "", f"{c.dense:,}", ""
    return f"{c.dictionary:,}", f"{c.lookups:,}", f"{c.density:.4f}", f"{c.dense:,}", f"{c.lookup:,}"


def show(table: Table) -> None:
    """Print a table; into a pipe as wide as it is, not folded to 80 columns."""
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)
