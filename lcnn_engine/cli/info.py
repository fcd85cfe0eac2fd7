"""``lcnn info``: what a model consists of, or what the engine found on this machine."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from ..analysis.cost import NodeCost, cost_of, totals
from ..analysis.folding import FoldedLayer, folded_layers, folding_text
from ..analysis.summary import summarize
from ..format.model_file import read_model, stored_bytes
from ..model.graph import Graph
from ..runtime.info import kernel_info
from ..utils.text import printable
from .loading import limits_of


def run(options: argparse.Namespace) -> int:
    """Print the facts as tables or as JSON."""
    if options.model is None:
        facts = kernel_info()
        print(json.dumps(facts, indent=1) if options.json else _kernels(facts))
        return 0
    graph, tensors = read_model(options.model, **limits_of(options))
    costs = cost_of(graph, tensors, stored_bytes(options.model))
    size = Path(options.model).stat().st_size
    folded = folded_layers(graph, tensors)
    if options.json:
        print(json.dumps(_facts(graph, costs, size, folded), indent=1))
    else:
        print("\n\n".join([summarize(graph, costs, size), *([folding_text(folded)] if folded else [])]))
    return 0


def _kernels(facts: dict[str, Any]) -> str:
    rows = [(key, ", ".join(value) if isinstance(value, list) else str(value)) for key, value in facts.items()]
    width = max(len(key) for key, _ in rows)
    return "\n".join(f"{key.replace('_', ' '):{width}}  {printable(value)}" for key, value in rows)


def _facts(graph: Graph, costs: list[NodeCost], size: int, folded: list[FoldedLayer]) -> dict[str, Any]:
    return {
        "name": graph.name,
        "file_bytes": size,
        "input": dataclasses.asdict(graph.input),
        "output": {"name": graph.output, "shape": graph.output_shape},
        "labels": graph.labels,
        "preprocessing": None if graph.preprocessing is None else dataclasses.asdict(graph.preprocessing),
        "nodes": [dataclasses.asdict(cost) for cost in costs],
        "total": totals(costs),
        "folded": [dataclasses.asdict(layer) for layer in folded],
    }
