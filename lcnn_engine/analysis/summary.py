"""A network as a table: its layers, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model.graph import Graph, Preprocessing
from ..utils.moved import former_names
from ..utils.text import counted, millions, printable, shape_text, table
from .cost import NodeCost, totals

__all__ = ["COLUMNS", "cells", "summarize", "total_cells"]

COLUMNS = ("operation", "output", "k", "lookups", "density", "dense Mmul", "Mmul", "of lookups")
HEAD = ("node", *COLUMNS, "bytes")


def summarize(graph: Graph, costs: Sequence[NodeCost], size: int) -> str:
    """Make a table: input, output, a line for every node, and totals; ``size``: bytes of the whole."""
    total = totals(costs)
    labels = "no labels" if graph.labels is None else counted(len(graph.labels), "label")
    rows = [(cost.name, *cells(cost), f"{cost.bytes:,}" if cost.bytes else "") for cost in costs]
    rows.append(("total", *total_cells(total), f"{total['bytes']:,}"))
    lines = [
        f"{printable(graph.name)}: {counted(len(costs), 'node')}, {counted(size, 'byte')}",
        f"input   {printable(graph.input.name)}: {shape_text(graph.input.shape)}",
        f"        {_preprocessing(graph.preprocessing)}",
        f"output  {printable(graph.output)}: {shape_text(graph.output_shape)}, {labels}",
        "",
        table(HEAD, rows, left=3),
        "",
        "Mmul: millions of multiplications for one input; dense: of the same network with dense layers.",
    ]
    if total["multiplications"]:
        lines[-1] += f" Ratio: {total['dense'] / total['multiplications']:.1f}"
    return "\n".join(lines)


def cells(cost: NodeCost) -> tuple[str, ...]:
    """Give a node's cells under COLUMNS."""
    return (
        cost.op,
        shape_text(cost.shape),
        "" if cost.atoms is None else f"{cost.atoms:,}",
        "" if cost.lookups is None else f"{cost.lookups:,}",
        "" if cost.density is None else f"{cost.density:.4f}",
        millions(cost.dense),
        millions(cost.multiplications),
        millions(cost.of_lookups),
    )


def total_cells(total: Mapping[str, int]) -> tuple[str, ...]:
    """Give the cells under COLUMNS of what ``cost.totals`` gives."""
    sums = (millions(total[key]) for key in ("dense", "multiplications", "of_lookups"))
    return ("", "", "", f"{total['lookups']:,}", "", *sums)


def _preprocessing(prep: Preprocessing | None) -> str:
    if prep is None:
        return "takes arrays only, as it says nothing of preprocessing"
    steps = [prep.mode]
    if prep.resize is not None:
        size = prep.resize.size
        how = shape_text(size) if isinstance(size, tuple) else f"shortest edge {size}"
        steps.append(f"resize to {how} ({prep.resize.resample}{'' if prep.resize.antialias else ', not antialiased'})")
    if prep.crop is not None:
        steps.append(f"crop {prep.crop}")
    mean, std = (", ".join(f"{number:g}" for number in numbers) for numbers in (prep.mean, prep.std))
    steps.append(f"(x * {prep.scale:g} - [{mean}]) / [{std}]")
    return ", ".join(steps)


former_names(__name__, FIGURES="COLUMNS", figures="cells", total_figures="total_cells")
