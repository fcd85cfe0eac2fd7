"""``lcnn verify``: the kernels against the NumPy reference, node by node."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..format.model_file import read_model
from ..model import reference
from ..model.graph import Graph
from ..plan import Plan
from ..runtime.info import kernel_info
from ..runtime.threads import checked_threads
from ..utils.text import counted, printable, shape_text, table
from .inputs import inputs

TOLERANCE = 1e-5  # of the max |output| of a node
FUSED = "output, as predict runs it"  # to see every node, a plan must leave apart what predict's plan fuses


@dataclass
class Agreement:
    """Of one node: the max |output|, and by variant the max :func:`relative_difference`, over all inputs."""

    max_output: float = 0.0
    differences: dict[str, float] = field(default_factory=dict)

    @property
    def worst(self) -> float:
        """The max difference of any variant."""
        return max(self.differences.values())

    def add(self, variant: str, found: np.ndarray, expected: np.ndarray) -> None:
        """Take in the values of one input."""
        self.max_output = max(self.max_output, float(np.abs(expected).max()))
        self.differences[variant] = max(self.differences.get(variant, 0.0), relative_difference(found, expected))


def run(options: argparse.Namespace) -> int:
    """Print the max difference at every node; 1 if one is over the tolerance."""
    threads = checked_threads(options.threads)
    graph, tensors = read_model(options.model)
    batch = inputs(graph, options.images)
    kernels = kernel_info()
    nodes = compare(graph, tensors, batch, kernels["isa_available"] if options.all_isa else [kernels["isa"]], threads)
    failed = [name for name, node in nodes.items() if not node.worst <= TOLERANCE]
    if options.json:
        print(json.dumps(_facts(graph, nodes, len(batch), failed), indent=1))
    else:
        what = counted(len(batch), "image") if options.images else "seeded noise"
        print(_report(graph, nodes, what, failed))
    return 1 if failed else 0


def compare(
    graph: Graph, tensors: Mapping[str, np.ndarray], batch: np.ndarray, variants: Sequence[str], threads: int
) -> dict[str, Agreement]:
    """Measure how well each kernel variant agrees with the reference at every node, and at :data:`FUSED`.

    ``batch``: preprocessed, float32 (N, H, W, C). Raises InputError for numbers that are not finite.
    """
    names = list(graph.by_name)
    plans = {
        variant: (Plan(graph, tensors, outputs=names, variant=variant), Plan(graph, tensors, variant=variant))
        for variant in variants
    }
    nodes = {name: Agreement() for name in (*names, FUSED)}
    for x in batch:
        expected = reference.evaluate(graph, tensors, x)
        expected[FUSED] = expected[graph.output]
        for variant, (apart, fused) in plans.items():
            found = dict(zip(nodes, [*_outputs(apart, x, threads), *_outputs(fused, x, threads)], strict=True))
            for name, node in nodes.items():
                node.add(variant, found[name], expected[name])
    return nodes


def _outputs(plan: Plan, x: np.ndarray, threads: int) -> list[np.ndarray]:
    outputs = [np.empty((1, *shape), np.float32) for shape in plan.output_shapes]
    if not plan.run(np.ascontiguousarray(x)[None], outputs, threads):
        raise InputError("expected images that become finite numbers, got others; see the model's preprocessing")
    return [output[0] for output in outputs]


def relative_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Compute max |found - expected| / max |expected|; infinite where one is not finite and the other differs."""
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    if same.all():
        return 0.0
    if not np.isfinite(found[~same]).all() or not np.isfinite(expected[~same]).all():
        return math.inf
    scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    difference = float(np.abs(found[~same].astype(np.float64) - expected[~same]).max())
    return difference / scale if scale else math.inf


def _facts(graph: Graph, nodes: Mapping[str, Agreement], count: int, failed: Sequence[str]) -> dict[str, object]:
    return {
        "name": graph.name,
        "inputs": count,
        "tolerance": TOLERANCE,
        "ok": not failed,
        "failed": failed,
        "nodes": [
            {
                "name": name,
                "largest": _number(node.max_output),
                "difference": {variant: _number(value) for variant, value in node.differences.items()},
            }
            for name, node in nodes.items()
        ],
    }


def _number(value: float) -> float | None:
    """Give null for infinity, which JSON does not have."""
    return value if math.isfinite(value) else None


def _report(graph: Graph, nodes: Mapping[str, Agreement], what: str, failed: Sequence[str]) -> str:
    head = ("node", "operation", "output", "largest", *nodes[FUSED].differences)
    rows = []
    for name, node in nodes.items():
        shown = graph[graph.output if name == FUSED else name]
        differences = (f"{difference:.1e}" for difference in node.differences.values())
        rows.append((name, shown.op, shape_text(graph.shapes[shown.name]), f"{node.max_output:.4g}", *differences))
    verdict = printable(f"FAILED at {', '.join(failed)}") if failed else "ok"
    worst = max(node.worst for node in nodes.values())
    return (
        f"{table(head, rows, left=3)}\n\n{verdict}: {counted(len(graph.nodes), 'node')} on {what}; "
        f"largest difference {worst:.1e} of a node's largest |output|, {TOLERANCE:.0e} allowed"
    )
