"""``lcnn verify``: the kernels against the NumPy reference, node by node."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping

import numpy as np

from .. import reference
from ..errors import InputError
from ..graph import Graph
from ..kernels import choose_variant, usable_variants
from ..model_file import read_model
from ..plan import Plan
from ..preprocessing import as_batch, normalize
from ..threads import checked_threads
from .text import counted, shape_text, table

TOLERANCE = 1e-5  # of the largest |output| of a node
SEED = 20_171
FUSED = "output, as predict runs it"

Values = dict[str, np.ndarray]


def run(options: argparse.Namespace) -> int:
    """Print the largest difference at every node; 1 if one is over the tolerance."""
    threads = checked_threads(options.threads)
    graph, tensors = read_model(options.model)
    batch = _inputs(graph, options.images)
    variants = usable_variants() if options.all_isa else [choose_variant()]
    differences: dict[str, dict[str, float]] = {}
    largest: dict[str, float] = {}
    runs = {variant: _engine(graph, tensors, batch, variant, threads) for variant in variants}
    for number, x in enumerate(batch):
        expected = reference.evaluate(graph, tensors, x)
        expected[FUSED] = expected[graph.output]
        for name, value in expected.items():
            largest[name] = max(largest.get(name, 0.0), float(np.abs(value).max()))
            worst = differences.setdefault(name, dict.fromkeys(variants, 0.0))
            for variant in variants:
                worst[variant] = max(worst[variant], relative_difference(runs[variant][name][number], value))
    failed = [name for name, found in differences.items() if not max(found.values()) <= TOLERANCE]
    if options.json:
        print(json.dumps(_facts(graph, largest, differences, len(batch), failed), indent=1))
    else:
        inputs = counted(len(batch), "picture") if options.images else "seeded noise"
        print(_report(graph, largest, differences, inputs, failed))
    return 1 if failed else 0


def relative_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """max |found - expected| / max |expected|; infinite where one is not finite and the other is not the same."""
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    if same.all():
        return 0.0
    if not np.isfinite(found[~same]).all() or not np.isfinite(expected[~same]).all():
        return math.inf
    scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    difference = float(np.abs(found[~same].astype(np.float64) - expected[~same]).max())
    return difference / scale if scale else math.inf


def _inputs(graph: Graph, images: list[str]) -> np.ndarray:
    """The pictures, or one of noise, as float32 (N, H, W, C)."""
    if images:
        return as_batch(images, graph.input.shape, graph.preprocessing)[0]
    rng = np.random.default_rng(SEED)
    if graph.preprocessing is None:
        return rng.standard_normal((1, *graph.input.shape)).astype(np.float32)
    pixels = rng.integers(0, 256, (1, *graph.input.shape)).astype(np.uint8)
    return normalize(pixels, graph.preprocessing)


def _engine(graph: Graph, tensors: Mapping[str, np.ndarray], batch: np.ndarray, variant: str, threads: int) -> Values:
    """Every node's values (N, ...), and the output's from a plan that may fuse nodes, which the first may not."""
    names = list(graph.by_name)
    values = _run(Plan(graph, tensors, outputs=names, variant=variant), names, batch, threads)
    return values | _run(Plan(graph, tensors, variant=variant), [FUSED], batch, threads)


def _run(plan: Plan, names: list[str], batch: np.ndarray, threads: int) -> Values:
    outputs = [np.empty((len(batch), *shape), np.float32) for shape in plan.output_shapes]
    if not plan.run(np.ascontiguousarray(batch), outputs, threads):
        raise InputError("expected preprocessed pictures of finite numbers, got others; see the model's preprocessing")
    return dict(zip(names, outputs, strict=True))


def _facts(
    graph: Graph,
    largest: Mapping[str, float],
    differences: Mapping[str, Mapping[str, float]],
    count: int,
    failed: list[str],
) -> dict[str, object]:
    nodes = [{"name": name, "largest": largest[name], "difference": found} for name, found in differences.items()]
    return {
        "name": graph.name,
        "inputs": count,
        "tolerance": TOLERANCE,
        "ok": not failed,
        "failed": failed,
        "nodes": nodes,
    }


def _report(
    graph: Graph,
    largest: Mapping[str, float],
    differences: Mapping[str, Mapping[str, float]],
    inputs: str,
    failed: list[str],
) -> str:
    variants = list(differences[FUSED])
    head = ("node", "operation", "output", "largest", *variants)
    rows = []
    for name, found in differences.items():
        node = graph[graph.output if name == FUSED else name]
        numbers = (f"{largest[name]:.4g}", *(f"{found[variant]:.1e}" for variant in variants))
        rows.append((name, node.op, shape_text(graph.shapes[node.name]), *numbers))
    worst = max(max(found.values()) for found in differences.values())
    verdict = f"FAILED at {', '.join(failed)}" if failed else "ok"
    return (
        f"{table(head, rows, left=3)}\n\n{verdict}: {counted(len(graph.nodes), 'node')} on {inputs}; "
        f"largest difference {worst:.1e} of a node's largest |output|, {TOLERANCE:.0e} allowed"
    )
