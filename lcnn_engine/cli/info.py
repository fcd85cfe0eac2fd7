"""``lcnn info``: what a model consists of, or what the engine found on this machine."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from ..counting import NodeCost, cost_of
from ..graph import Graph, Preprocessing
from ..info import kernel_info
from ..model_file import read_model, stored_bytes
from .text import counted, millions, printable, shape_text, table

HEAD = ("node", "operation", "output", "k", "lookups", "density", "dense Mmul", "Mmul", "of lookups", "bytes")


def run(options: argparse.Namespace) -> int:
    """Print the facts as tables or as JSON."""
    if options.model is None:
        facts = kernel_info()
        print(json.dumps(facts, indent=1) if options.json else _kernels(facts))
        return 0
    graph, tensors = read_model(options.model)
    costs = cost_of(graph, tensors, stored_bytes(options.model))
    size = Path(options.model).stat().st_size
    print(json.dumps(_facts(graph, costs, size), indent=1) if options.json else _model(graph, costs, size))
    return 0


def _kernels(facts: dict[str, Any]) -> str:
    rows = [(key, ", ".join(value) if isinstance(value, list) else str(value)) for key, value in facts.items()]
    width = max(len(key) for key, _ in rows)
    return "\n".join(f"{key.replace('_', ' '):{width}}  {printable(value)}" for key, value in rows)


def _totals(costs: list[NodeCost]) -> dict[str, int]:
    keys = ("lookups", "dense", "multiplications", "of_lookups", "bytes")
    return {key: sum(getattr(cost, key) or 0 for cost in costs) for key in keys}


def _facts(graph: Graph, costs: list[NodeCost], size: int) -> dict[str, Any]:
    return {
        "name": graph.name,
        "file_bytes": size,
        "input": dataclasses.asdict(graph.input),
        "output": {"name": graph.output, "shape": graph.output_shape},
        "labels": graph.labels,
        "preprocessing": None if graph.preprocessing is None else dataclasses.asdict(graph.preprocessing),
        "nodes": [dataclasses.asdict(cost) for cost in costs],
        "total": _totals(costs),
    }


def _model(graph: Graph, costs: list[NodeCost], size: int) -> str:
    total = _totals(costs)
    labels = "no labels" if graph.labels is None else counted(len(graph.labels), "label")
    rows = [_row(cost) for cost in costs]
    sums = (millions(total["dense"]), millions(total["multiplications"]), millions(total["of_lookups"]))
    rows.append(("total", "", "", "", f"{total['lookups']:,}", "", *sums, f"{total['bytes']:,}"))
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
        f"{cost.bytes:,}" if cost.bytes else "",
    )


def _preprocessing(prep: Preprocessing | None) -> str:
    if prep is None:
        return "takes arrays only, as it says nothing of preprocessing"
    steps = [prep.mode]
    if prep.resize is not None:
        size = prep.resize.size
        how = shape_text(size) if isinstance(size, tuple) else f"shortest edge {size}"
        steps.append(f"resize to {how} ({prep.resize.resample})")
    if prep.crop is not None:
        steps.append(f"crop {prep.crop}")
    mean, std = (", ".join(f"{number:g}" for number in numbers) for numbers in (prep.mean, prep.std))
    steps.append(f"(x * {prep.scale:g} - [{mean}]) / [{std}]")
    return ", ".join(steps)
