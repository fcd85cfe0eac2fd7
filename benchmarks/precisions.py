"""``python -m benchmarks.precisions``: what lower precisions change of a trained network's answers to test digits.

Every precision is computed as it is defined, also where the processor has no instructions for it. The digits are
those of ``--data``, or MNIST where Keras keeps it. With ``--check`` it ends with 1 where a precision changes more than
``LIMITS`` allows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lcnn_engine import LcnnError
from lcnn_engine.images.preprocessing import as_batch
from lcnn_engine.model.graph import Graph
from lcnn_engine.plan import Plan
from lcnn_engine.runtime.precision import PRECISIONS
from lcnn_train.data.idx import load
from lcnn_train.errors import DataError

from .networks.model_files import SHIPPED, network
from .utils import machine, report

COUNT = 1000
CLOSE = 0.01  # between the two best probabilities: either class may come out
AT_ONCE = 50  # images in memory as inputs


@dataclass(frozen=True)
class Limit:
    """What a precision may change: the probability of any class; the class of images whose two best are not ``CLOSE``,
    and accuracy, in points (None: as much as it likes)."""

    probability: float
    classes: int | None = None
    accuracy: float | None = None


LIMITS = {"bfloat16": Limit(0.005, classes=0), "int8": Limit(0.02, accuracy=0.1)}


@dataclass(frozen=True)
class Change:
    """What a precision makes of a number of images, beside what float32 does."""

    right: int
    images: int
    probability: float
    """The largest change of a probability."""
    other_class: int
    clearly: int
    """Of those with another class, how many whose two best probabilities are not close in float32."""
    right_in_float32: int

    @property
    def points(self) -> float:
        """The change of accuracy, in points."""
        return 100.0 * (self.right - self.right_in_float32) / self.images

    def within(self, limit: Limit) -> bool:
        return (
            self.probability <= limit.probability
            and (limit.classes is None or self.clearly <= limit.classes)
            and (limit.accuracy is None or abs(self.points) <= limit.accuracy + 1e-9)
        )


def change(found: np.ndarray, float32: np.ndarray, labels: np.ndarray) -> Change:
    """Compare probabilities (N, classes) with those of float32; ``labels`` (N,) are what is right."""
    own, plain = found.argmax(axis=1), float32.argmax(axis=1)
    best = np.sort(float32, axis=1)
    close = best[:, -1] - best[:, -2] <= CLOSE
    return Change(
        right=int((own == labels).sum()),
        images=len(labels),
        probability=float(np.abs(found - float32).max()),
        other_class=int((own != plain).sum()),
        clearly=int(((own != plain) & ~close).sum()),
        right_in_float32=int((plain == labels).sum()),
    )


def probabilities(
    graph: Graph, tensors: Mapping[str, np.ndarray], images: Sequence[np.ndarray], precision: str, threads: int
) -> np.ndarray:
    """Compute what a classifier says of ``images``, uint8 (H, W) or (H, W, C) each: float32 (N, classes)."""
    plan = Plan(graph, tensors, precision=precision)
    result = np.empty((len(images), *plan.output_shapes[0]), np.float32)
    for first in range(0, len(images), AT_ONCE):
        batch, _ = as_batch(list(images[first : first + AT_ONCE]), graph.input.shape, graph.preprocessing)
        plan.run(np.ascontiguousarray(batch), [result[first : first + AT_ONCE]], threads)
    return result


def measure(model: str, images: np.ndarray, labels: np.ndarray, threads: int = 1) -> dict[str, Change]:
    """Compare every precision with float32 on ``images``, uint8 (N, H, W). Raises LcnnError, OSError, ValueError."""
    graph, tensors = network(model)
    if graph.preprocessing is None:
        raise ValueError(f"expected a model that says how to prepare images, got {model} without")
    found = {precision: probabilities(graph, tensors, images, precision, threads) for precision in PRECISIONS}
    return {precision: change(own, found["float32"], labels) for precision, own in found.items()}


def _row(precision: str, one: Change) -> tuple[str, ...]:
    limit = LIMITS.get(precision)
    allowed = "" if limit is None else f"{limit.probability:g}"
    verdict = "" if limit is None else "holds" if one.within(limit) else "MISSED"
    accuracy = f"{100.0 * one.right / one.images:.2f}"
    classes = (str(one.other_class), str(one.clearly))
    return precision, accuracy, f"{one.points:+.2f}", f"{one.probability:.4f}", allowed, *classes, verdict


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precisions", description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", default=SHIPPED, help=f"a model file; default {SHIPPED}")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="with MNIST's IDX files; default: Keras'")
    parser.add_argument("--count", type=int, default=COUNT, help=f"so many test digits; default {COUNT}")
    parser.add_argument("--check", action="store_true", help="end with 1 where more changes than may")
    report.add_name(parser, "precisions")
    options = parser.parse_args(arguments)
    try:
        if options.count < 1:
            raise ValueError(f"expected count to be at least 1, got {options.count}")
        digits = load("mnist", "test", options.data)
        images, labels = digits.images[: options.count], digits.labels[: options.count]
        found = measure(str(Path(options.model).resolve()) if options.model != SHIPPED else SHIPPED, images, labels)
    except (LcnnError, DataError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    head = ("", "accuracy, %", "points", "largest change of a probability", "allowed", "other class", "clearly", "")
    rows = [head, *(_row(precision, one) for precision, one in found.items())]
    facts = machine.describe()
    title = f"{Path(options.model).name}: {len(labels)} test digits; clearly: the two best are over {CLOSE} apart"
    text = f"{title}\n{report.table(rows, left=(0, len(head) - 1))}\n\n{machine.heading(facts)}"
    print(text)
    whole = options.model == SHIPPED and len(labels) == COUNT
    numbers = {precision: {**asdict(one), "points": one.points} for precision, one in found.items()}
    name = report.chosen_name(options.name, "precisions", whole)
    report.write(name, text, {"machine": facts, "precisions": numbers})
    holds = all(found[precision].within(limit) for precision, limit in LIMITS.items())
    return 1 if options.check and not holds else 0


if __name__ == "__main__":
    machine.start_clean()
    sys.exit(main())
