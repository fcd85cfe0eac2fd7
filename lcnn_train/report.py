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
        known = c.density is not None
        table.add_row(
            c.name,
            f"{c.dictionary:,}" if known else "",
            f"{c.lookups:,}" if known else "",
            f"{c.density:.4f}" if known else "",
            f"{c.dense:,}",
            f"{c.lookup:,}" if known else "",
            f"{c.total:,}",
        )
    dense, lookup = sum(c.dense for c in counts), sum(c.lookup for c in counts)
    lookups = sum(c.lookups or 0 for c in counts)
    table.add_row("all", "", f"{lookups:,}", "", f"{dense:,}", f"{lookup:,}", f"{dense + lookup:,}", style="bold")
    return table


def show(table: Table) -> None:
    """Print a table; into a pipe as wide as it is, not cut to a terminal's width."""
    console = Console()
    console.print(table, width=None if console.is_terminal else 160)
