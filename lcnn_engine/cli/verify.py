"""``lcnn verify``: the kernels against the NumPy definition of their precision, node by node.

Each node is judged by itself: the reference is given what the engine's own nodes before it gave, so no difference is
carried on. What is allowed is what rounding can do (``model/rounding.py``). The output as predict runs it, whose nodes
are not to be seen, is judged from the input, beside what rounding has come to there in the nodes seen one by one.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np

from ..errors import InputError
from ..format.model_file import read_model
from ..images.inputs import inputs, read_arrays
from ..images.whole_way import WholeWay, ways_apart
from ..model import precision as precisions
from ..model import reference
from ..model.graph import MAX_BYTES, Graph
from ..model.rounding import TOLERANCE, UNITS, magnitude, share_of_allowed
from ..plan import Plan, planned
from ..plan.folding import fold
from ..plan.multiplying import multiplied_out
from ..runtime.info import kernel_info
from ..runtime.precision import FASTEST, choose_precision
from ..runtime.threads import checked_threads
from ..utils.text import counted, printable, shape_text, table
from .loading import limits_of, say_precision

__all__ = ["FUSED", "Agreement", "compare", "relative_difference", "run"]

FUSED = "output, as predict runs it"  # to see every node, a plan must leave apart what predict's plan fuses
FUSED_MARGIN = 16.0  # how much more than in nodes run one by one rounding may come to, over a whole network
ROUNDED = 2.0**-7  # of the largest |output|, where values on the way may round to either side


@dataclass
class Agreement:
    """Of one node: the max |output|, and by variant the max :func:`relative_difference`, over all inputs.

    ``shares`` are, by variant, the largest differences as shares of what is allowed. ``from_float32``: the max
    :func:`relative_difference` of the whole output to that of float32.
    """

    max_output: float = 0.0
    differences: dict[str, float] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    from_float32: float = 0.0

    @property
    def worst(self) -> float:
        """The max difference of any variant."""
        return max(self.differences.values())

    @property
    def ok(self) -> bool:
        """Whether every variant is within what rounding can do."""
        return all(share <= 1.0 for share in self.shares.values())

    def add(self, variant: str, found: np.ndarray, expected: np.ndarray, share: float) -> None:
        """Take in the values of one input."""
        self.max_output = max(self.max_output, float(np.abs(expected).max()))
        self.differences[variant] = max(self.differences.get(variant, 0.0), relative_difference(found, expected))
        self.shares[variant] = max(self.shares.get(variant, 0.0), share)


def run(options: argparse.Namespace) -> int:
    """Print the max difference at every node; 1 if one is more than rounding can do."""
    threads = checked_threads(options.threads)
    graph, tensors = read_model(options.model, **limits_of(options))
    batch, given = _batch(graph, options.images, options.inputs)
    kernels = kernel_info()
    variants = kernels["isa_available"] if options.all_isa else [kernels["isa"]]
    precision = choose_precision(options.precision)
    if options.all_isa and options.precision != FASTEST:
        precision = options.precision  # kernels without the instructions for it compute it slowly
    say_precision(options.precision, precision)
    nodes = compare(graph, tensors, batch, variants, threads, precision, max_bytes=options.max_bytes)
    failed = [name for name, node in nodes.items() if not node.ok]
    way = None
    if given is not None:
        plan = Plan(graph, tensors, precision=precision, max_bytes=options.max_bytes)
        way = _whole_way(plan, batch, given, threads)
    if options.json:
        print(json.dumps(_facts(graph, nodes, len(batch), failed, precision, way), indent=1))
    else:
        what = counted(len(batch), "image") if options.images else options.inputs or "seeded noise"
        print(_report(graph, nodes, what, failed, precision))
        if way is not None:
            print(way)
    return 1 if failed else 0


def _batch(graph: Graph, images: Sequence[str], arrays: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Read what to compare on, and what a training pipeline made of the same images, if that is given too."""
    if arrays is None:
        return inputs(graph, images), None
    given = read_arrays(arrays, len(images) or None)
    if given.shape[1:] != graph.input.shape:
        raise InputError(f"{arrays}: expected inputs of shape {graph.input.shape}, got {given.shape[1:]}")
    return (inputs(graph, images), given) if images else (given, None)


def _whole_way(plan: Plan, batch: np.ndarray, given: np.ndarray, threads: int) -> WholeWay:
    """Compare what the file makes of images with what training made of them, and the answers to both."""
    outputs, expected = (np.stack([_outputs(plan, x, threads)[0] for x in each]) for each in (batch, given))
    return ways_apart(batch, given, outputs, expected)


def compare(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    batch: np.ndarray,
    variants: Sequence[str],
    threads: int,
    precision: str = "float32",
    *,
    max_bytes: int = MAX_BYTES,
) -> dict[str, Agreement]:
    """Measure how well each kernel variant agrees with ``precision``'s definition at every node, and at :data:`FUSED`.

    The definition is given each variant's own inputs of a node. What is rounded depends on what a plan folds and which
    lookup layers it multiplies out, so others than float32's are of the network after both: as chosen for the first of
    the variants, and told to all.

    ``batch``: preprocessed, float32 (N, H, W, C). ``max_bytes`` bounds the memory of a plan's activations. Raises
    InputError for numbers that are not finite, ModelFormatError where ``max_bytes`` is passed.
    """
    names = list(graph.by_name)
    chosen = planned(graph, tensors, variant=variants[0], precision=precision).multiplied
    plan = partial(Plan, graph, tensors, precision=precision, multiplied=chosen, max_bytes=max_bytes)
    plans = {variant: (plan(outputs=names, variant=variant), plan(variant=variant)) for variant in variants}
    nodes = {name: Agreement() for name in (*names, FUSED)}
    tolerance, whole_network, every_node = TOLERANCE, (graph, tensors), (graph, tensors)
    if precision != "float32":
        tolerance, whole_network, every_node = (
            ROUNDED,
            multiplied_out(*fold(graph, tensors, [graph.output]), chosen),
            multiplied_out(*fold(graph, tensors, names), chosen),
        )
    for x in batch:
        whole = precisions.evaluate(precision, *whole_network, x)[graph.output]
        plain = whole if precision == "float32" else reference.evaluate(graph, tensors, x)[graph.output]
        for variant, (apart, fused) in plans.items():
            found = {graph.input.name: x, **dict(zip(names, _outputs(apart, x, threads), strict=True))}
            _compare_nodes(*every_node, precision, variant, found, nodes)
            output = _outputs(fused, x, threads)[0]
            share = _share_of_fused(output, found[graph.output], whole, tolerance)
            nodes[FUSED].add(variant, output, whole, share)
            nodes[FUSED].from_float32 = max(nodes[FUSED].from_float32, relative_difference(output, plain))
    return nodes


def _compare_nodes(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    precision: str,
    variant: str,
    found: Mapping[str, np.ndarray],
    nodes: Mapping[str, Agreement],
) -> None:
    """Judge what a variant ``found`` at every node by what it found at the node's inputs."""
    by_node = reference.tensors_by_node(tensors)
    for node in graph.nodes:
        given, own = [found[name] for name in node.inputs], by_node[node.name]
        expected = precisions.apply(precision, node, given, own)
        bound, slack = magnitude(node, given, own, expected), precisions.slack(precision, node, given, own)
        share = share_of_allowed(found[node.name], expected, bound, slack=slack)
        nodes[node.name].add(variant, found[node.name], expected, share)


def _share_of_fused(fused: np.ndarray, apart: np.ndarray, expected: np.ndarray, tolerance: float) -> float:
    """Judge an output beside that of nodes run one by one, which are judged by themselves."""
    difference = relative_difference(fused, expected)
    if difference <= tolerance:
        return difference / tolerance
    return difference / (tolerance + FUSED_MARGIN * relative_difference(apart, expected))


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


def _facts(
    graph: Graph,
    nodes: Mapping[str, Agreement],
    count: int,
    failed: Sequence[str],
    precision: str,
    way: WholeWay | None,
) -> dict[str, object]:
    return {
        "name": graph.name,
        "precision": precision,
        "from_float32": _number(nodes[FUSED].from_float32),
        "inputs": count,
        "tolerance": TOLERANCE,
        "ok": not failed,
        "failed": failed,
        "nodes": [
            {
                "name": name,
                "largest": _number(node.max_output),
                "difference": {variant: _number(value) for variant, value in node.differences.items()},
                "of_allowed": {variant: _number(value) for variant, value in node.shares.items()},
            }
            for name, node in nodes.items()
        ],
        **({} if way is None else {"whole_way": asdict(way)}),
    }


def _number(value: float) -> float | None:
    """Give null for infinity, which JSON does not have."""
    return value if math.isfinite(value) else None


def _report(graph: Graph, nodes: Mapping[str, Agreement], what: str, failed: Sequence[str], precision: str) -> str:
    head = ("node", "operation", "output", "largest", *nodes[FUSED].differences)
    rows = []
    for name, node in nodes.items():
        shown = graph[graph.output if name == FUSED else name]
        differences = (f"{difference:.1e}" for difference in node.differences.values())
        rows.append((name, shown.op, shape_text(graph.shapes[shown.name]), f"{node.max_output:.4g}", *differences))
    verdict = printable(f"FAILED at {', '.join(failed)}") if failed else "ok"
    worst = max(node.worst for node in nodes.values())
    distance = f"{nodes[FUSED].from_float32:.1e}"
    beside = "" if precision == "float32" else f"\n{precision}: the output is {distance} of its largest from float32's"
    return (
        f"{table(head, rows, left=3)}\n\n{verdict}: {counted(len(graph.nodes), 'node')} on {what}; "
        f"largest difference {worst:.1e} of a node's largest |output|; allowed are {TOLERANCE:.0e} of it and "
        f"{UNITS:g} roundings of the sum of |w| |x|{beside}"
    )
