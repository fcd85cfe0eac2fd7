"""Where the time of a run goes, step by step, and what a dense network of the same layers takes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..interop.dense import GraphAndTensors, dense_equivalent, is_lookup
from ..model.graph import Graph
from ..plan import Plan
from ..utils.text import counted, millions, printable, table

HEAD = ("step", "operation", "kernel", "us", "share", "Mmul", "GFLOP/s")
ROUNDS = 5  # in which a network and its twin take turns, so that a machine that drifts does so for both


@dataclass(frozen=True)
class ProfileStep:
    """One kernel call: its node, the operation, the kernel, median seconds a picture, multiplications a picture."""

    name: str
    op: str
    kernel: str
    seconds: float
    multiplications: int

    @property
    def rate(self) -> float:
        """GFLOP/s, a multiplication and its addition being two; 0 for steps that multiply nothing."""
        return 2e-9 * self.multiplications / self.seconds if self.seconds else 0.0

    def row(self, total: float) -> tuple[str, ...]:
        """A line of the table, ``total`` being the seconds of all steps."""
        share, microseconds = f"{self.seconds / total:.1%}", f"{1e6 * self.seconds:.1f}"
        work, speed = millions(self.multiplications), f"{self.rate:.1f}" if self.rate else ""
        return (self.name, self.op, self.kernel, microseconds, share, work, speed)


@dataclass(frozen=True)
class Profile:
    """Steps in the order they ran; ``dense``: those of the dense twin, where it was asked for. ``str()`` is a table.

    With several threads a step's seconds are those from its start to its end, all threads sharing its work.
    """

    model: str
    variant: str
    threads: int
    runs: int
    steps: Sequence[ProfileStep]
    lookup_layers: Sequence[str]
    dense: Sequence[ProfileStep] | None = None

    @property
    def seconds(self) -> float:
        """Sum over the steps."""
        return sum(step.seconds for step in self.steps)

    @property
    def dense_seconds(self) -> float | None:
        """Sum over the steps of the dense twin."""
        return None if self.dense is None else sum(step.seconds for step in self.dense)

    @property
    def ratio(self) -> float | None:
        """How many times as long the dense twin takes."""
        return self.dense_seconds / self.seconds if self.dense_seconds and self.seconds else None

    def dense_layers(self) -> Mapping[str, float]:
        """Seconds that the dense twin takes for each lookup layer."""
        sums = dict.fromkeys(self.lookup_layers, 0.0) if self.dense is not None else {}
        for step in self.dense or ():
            if step.name in sums:
                sums[step.name] += step.seconds
        return sums

    def __str__(self) -> str:
        total = self.seconds or 1.0
        rows = [step.row(total) for step in self.steps]
        everything = sum(step.multiplications for step in self.steps)
        rows.append(("total", "", "", f"{1e6 * self.seconds:.1f}", "100.0%", millions(everything), ""))
        head = f"{printable(self.model)}: {self.variant}, {counted(self.threads, 'thread')}, medians"
        if self.ratio is None:
            return f"{head} of {counted(self.runs, 'run')}\n{table(HEAD, rows, left=3)}"
        dense = [*self._dense_column(), f"{1e6 * (self.dense_seconds or 0.0):.1f}"]
        rows = [(*row, cell) for row, cell in zip(rows, dense, strict=True)]
        return (
            f"{head} of {counted(self.runs, 'run')}; its dense twin takes {self.ratio:.1f} times as long\n"
            f"{table((*HEAD, 'dense us'), rows, left=3)}"
        )

    def _dense_column(self) -> list[str]:
        """Beside the last step of each lookup layer, what the dense layer takes."""
        left = dict(self.dense_layers())
        cells = [f"{1e6 * left.pop(step.name):.1f}" if step.name in left else "" for step in reversed(self.steps)]
        return cells[::-1]

    def save_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the steps as trace events, JSON that chrome://tracing and ui.perfetto.dev open: a track for this
        network, one for its dense twin. Raises OSError."""
        from .trace import write_trace

        write_trace(self, path)

    def save_plot(self, path: str | os.PathLike[str]) -> None:
        """Draw the steps on a time axis, under those of the dense twin where there are any, as .png or .svg.

        Raises InputError for another ending, OSError.
        """
        from .timeline import draw_timeline

        draw_timeline(self, path)


def profile_network(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    plan: Plan,
    picture: np.ndarray,
    threads: int,
    runs: int,
    dense: bool,
    max_bytes: int,
) -> Profile:
    """Run one picture, float32 (1, H, W, C), ``runs`` times and take each step's median; ``plan`` is the network's.

    ``dense``: its dense twin, too, whose plan takes the time and memory of the dense weights.
    """
    plans = [plan]
    if dense:
        plans.append(_plan_of(dense_equivalent(graph, tensors), plan.variant, max_bytes))
    steps, *twin = [
        tuple(
            ProfileStep(step.name, step.op, step.kernel, float(time), step.multiplications)
            for step, time in zip(measured.steps, medians, strict=True)
        )
        for measured, medians in zip(plans, _medians(plans, picture, threads, runs), strict=True)
    ]
    layers = tuple(node.name for node in graph.nodes if is_lookup(node))
    return Profile(graph.name, plan.variant, threads, runs, steps, layers, twin[0] if twin else None)


def _plan_of(network: GraphAndTensors, variant: str, max_bytes: int) -> Plan:
    return Plan(*network, variant=variant, max_bytes=max_bytes)


def _medians(plans: Sequence[Plan], picture: np.ndarray, threads: int, runs: int) -> list[np.ndarray]:
    """Median seconds of the steps of each plan. In every turn the first run is not counted: the other network has had
    the caches."""
    samples: list[list[np.ndarray]] = [[] for _ in plans]
    rounds = min(runs, ROUNDS)
    for turn in range(rounds):
        count = runs // rounds + (turn < runs % rounds)
        for plan, own in zip(plans, samples, strict=True):
            own.extend(_timed(plan, picture, threads) for _ in range(-1, count))
            del own[-count - 1]
    return [np.median(own, axis=0) for own in samples]


def _timed(plan: Plan, picture: np.ndarray, threads: int) -> np.ndarray:
    outputs = [np.empty((1, *shape), np.float32) for shape in plan.output_shapes]
    seconds = np.zeros(len(plan.steps))
    plan.run(picture, outputs, threads, seconds)
    return seconds
