"""Where the time of a run goes, step by step, and what the dense equivalent of the network takes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from ..model.graph import Graph, LookupConv2D, LookupDense
from ..plan import Plan
from ..utils.text import counted, millions, printable, table
from .estimate import layer_choices
from .timings import ProfileStep, Timings

__all__ = ["Profile", "ProfileStep", "profile_network"]

HEAD = ("step", "operation", "kernel", "us", "share", "Mmul", "GFLOP/s")
ROUNDS = 5  # in which a network and its dense equivalent take turns, so that a machine that drifts does so for both


class Profile(Timings):
    """The timings of a network; ``str()`` is a table of them."""

    def __str__(self) -> str:
        total = self.seconds or 1.0
        rows = [_row(step, total) for step in self.steps]
        everything = sum(step.multiplications for step in self.steps)
        rows.append(("total", "", "", f"{1e6 * self.seconds:.1f}", "100.0%", millions(everything), ""))
        kernels = self.variant + (f" in {self.precision}" if self.precision != "float32" else "")
        head = f"{printable(self.model)}: {kernels}, {counted(self.threads, 'thread')}, medians"
        if self.ratio is None:
            return f"{head} of {counted(self.runs, 'run')}\n{table(HEAD, rows, left=3)}{self._choices()}"
        dense = [*self._dense_column(), f"{1e6 * (self.dense_seconds or 0.0):.1f}"]
        rows = [(*row, cell) for row, cell in zip(rows, dense, strict=True)]
        return (
            f"{head} of {counted(self.runs, 'run')}; its dense equivalent takes {self.ratio:.1f} times as long\n"
            f"{table((*HEAD, 'dense us'), rows, left=3)}{self._choices()}"
        )

    def _choices(self) -> str:
        """Tabulate how each lookup layer is computed, and what that and the other way were predicted to take."""
        if not self.choices:
            return ""
        ways = list(dict.fromkeys(way for choice in self.choices for way in choice.predicted))
        rows = [
            (
                choice.name,
                choice.chosen,
                *(f"{1e6 * choice.predicted[w]:.1f}" if w in choice.predicted else "" for w in ways),
            )
            for choice in self.choices
        ]
        return "\n\n" + table(("lookup layer", "chosen", *(f"{way}, predicted us" for way in ways)), rows, left=2)

    def _dense_column(self) -> list[str]:
        """Give cells that hold, beside the last step of each lookup layer, what the dense layer takes."""
        left = dict(self.dense_layers())
        cells = [f"{1e6 * left.pop(step.name):.1f}" if step.name in left else "" for step in reversed(self.steps)]
        return cells[::-1]

    def save_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the steps as trace events, JSON that chrome://tracing and ui.perfetto.dev open: a track for this
        network, one for its dense equivalent. Raises OSError."""
        from .trace import write_trace

        write_trace(self, path)

    def save_plot(self, path: str | os.PathLike[str]) -> None:
        """Draw the steps on a time axis, under those of the dense equivalent where there are any, as .png or .svg.

        Raises InputError for another ending, OSError.
        """
        from .timeline import draw_timeline

        draw_timeline(self, path)


def _row(step: ProfileStep, total: float) -> tuple[str, ...]:
    """Give the cells under HEAD, ``total`` being the seconds of all steps."""
    share, microseconds = f"{step.seconds / total:.1%}", f"{1e6 * step.seconds:.1f}"
    work, speed = millions(step.multiplications), f"{step.rate:.1f}" if step.rate else ""
    return (step.name, step.op, step.kernel, microseconds, share, work, speed)


def profile_network(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    plan: Plan,
    dense_plan: Plan | None,
    image: np.ndarray,
    threads: int,
    runs: int,
) -> Profile:
    """Run one image, float32 (1, H, W, C), ``runs`` times and take each step's median.

    ``plan`` is the plan of ``graph`` and its ``tensors``; ``dense_plan``: that of its dense equivalent, to take turns
    with.
    """
    plans = [plan] if dense_plan is None else [plan, dense_plan]
    steps, *dense = [
        tuple(
            ProfileStep(step.name, step.op, step.kernel, float(time), step.multiplications, step.kind)
            for step, time in zip(measured.steps, medians, strict=True)
        )
        for measured, medians in zip(plans, _medians(plans, image, threads, runs), strict=True)
    ]
    layers = tuple(node.name for node in graph.nodes if isinstance(node, (LookupConv2D, LookupDense)))
    beside = dense[0] if dense else None
    return Profile(
        graph.name,
        plan.variant,
        threads,
        runs,
        steps,
        layers,
        beside,
        plan.precision,
        layer_choices(graph, tensors, plan),
    )


def _medians(plans: Sequence[Plan], image: np.ndarray, threads: int, runs: int) -> list[np.ndarray]:
    """Take the median seconds of the steps of each plan.

    In every turn the first run does not count: the other network has had the caches.
    """
    samples: list[list[np.ndarray]] = [[] for _ in plans]
    rounds = min(runs, ROUNDS)
    for turn in range(rounds):
        count = runs // rounds + (turn < runs % rounds)
        for plan, own in zip(plans, samples, strict=True):
            own.extend(_timed(plan, image, threads) for _ in range(-1, count))
            del own[-count - 1]
    return [np.median(own, axis=0) for own in samples]


def _timed(plan: Plan, image: np.ndarray, threads: int) -> np.ndarray:
    outputs = [np.empty((1, *shape), np.float32) for shape in plan.output_shapes]
    seconds = np.zeros(len(plan.steps))
    plan.run(image, outputs, threads, seconds)
    return seconds
