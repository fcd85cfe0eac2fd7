"""Whole networks, predicted and measured: how far apart the engine's estimate and the time of a run are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lcnn_engine.analysis.estimate import estimated_steps
from lcnn_engine.plan import Plan
from lcnn_engine.plan.times.machines import Times

from ..networks.workloads import WORKLOADS

ROUNDS, RUNS = 3, 8


class Checked(NamedTuple):
    """A network: milliseconds as predicted and as measured, each the sum of all steps."""

    name: str
    precision: str
    predicted: float
    measured: float
    steps: tuple[tuple[str, float, float], ...]

    @property
    def off(self) -> float:
        """How much more is predicted than measured, as a share of that."""
        return self.predicted / self.measured - 1.0


def checked(names: Sequence[str], precisions: Sequence[str], variant: str, times: Times) -> Iterator[Checked]:
    """Predict and measure each network in each precision, its step's least times of several rounds."""
    for name in names:
        graph, tensors = WORKLOADS[name]()
        image = np.random.default_rng(0).standard_normal((1, *graph.input.shape), dtype=np.float32)
        plans = [Plan(graph, tensors, variant=variant, precision=precision) for precision in precisions]
        best = [np.full(len(plan.steps), np.inf) for plan in plans]
        for _ in range(ROUNDS):
            for plan, own in zip(plans, best, strict=True):
                np.minimum(own, _least(plan, image), out=own)
        for plan, own in zip(plans, best, strict=True):
            seconds = estimated_steps(graph, tensors, variant=variant, precision=plan.precision, times=times)[1]
            steps = tuple(
                (f"{step.name} {step.kernel}", 1e6 * one, 1e6 * found)
                for step, one, found in zip(plan.steps, seconds, own, strict=True)
            )
            yield Checked(name, plan.precision, 1e3 * sum(seconds), 1e3 * float(own.sum()), steps)


def _least(plan: Plan, image: np.ndarray) -> np.ndarray:
    outputs = [np.empty((1, *shape), np.float32) for shape in plan.output_shapes]
    best = np.full(len(plan.steps), np.inf)
    for number in range(RUNS):
        seconds = np.zeros(len(plan.steps))
        plan.run(image, outputs, 1, seconds)
        if number:
            np.minimum(best, seconds, out=best)
    return best
