"""From times and amounts to constants: least squares of relative errors, with no constant below 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from .measuring import Timed

ACTIVATING = "pointwise"  # the kernel that activations are fitted with
DIGITS = 4


class Fitted(NamedTuple):
    """Nanoseconds by kernel and amount, and by activation, for each value of a result."""

    kernels: dict[str, dict[str, float]]
    activations: dict[str, float]

    def predict(self, timed: Timed) -> float:
        """Give the nanoseconds of a step."""
        each = self.kernels.get(timed.kernel, {})
        total = sum(each.get(name, 0.0) * amount for name, amount in timed.amounts.items())
        return total + self.activations.get(timed.activation, 0.0) * timed.activated


class Errors(NamedTuple):
    """Of a kernel: steps, median and 90th percentile of |predicted / measured - 1|."""

    steps: int
    median: float
    most: float


def fit(steps: Sequence[Timed]) -> Fitted:
    """Fit every kernel's constants to ``steps``."""
    kernels: dict[str, dict[str, float]] = {}
    activations: dict[str, float] = {}
    for kernel in sorted({step.kernel for step in steps}):
        own = [step for step in steps if step.kernel == kernel and (kernel == ACTIVATING or not step.activated)]
        rows = [{**step.amounts, **_activated(step)} for step in own]
        solved = _solve(rows, [step.nanoseconds for step in own])
        kernels[kernel] = {name: value for name, value in solved.items() if not name.startswith("=")}
        if kernel == ACTIVATING:
            activations = {name[1:]: value for name, value in solved.items() if name.startswith("=")}
    return Fitted(kernels, activations)


def _activated(step: Timed) -> dict[str, float]:
    return {f"={step.activation}": step.activated} if step.activated else {}


def _solve(rows: Sequence[Mapping[str, float]], times: Iterable[float]) -> dict[str, float]:
    """Find constants of the names in ``rows`` so that the sums are near ``times``, all with the same weight."""
    names = sorted({name for row in rows for name in row})
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    wanted = np.array(list(times))
    relative = matrix / wanted[:, None]
    scale = np.maximum(np.abs(relative).max(axis=0), 1e-30)
    solution = nnls(relative / scale, np.ones(len(wanted)))[0] / scale
    solution = _again_without_outliers(relative, scale, solution)
    return {name: float(f"{value:.{DIGITS}g}") for name, value in zip(names, solution, strict=True)}


def _again_without_outliers(relative: np.ndarray, scale: np.ndarray, solution: np.ndarray) -> np.ndarray:
    """Fit with little weight on steps that are far off: interrupts, neighbours, and what the amounts do not tell."""
    for _ in range(4):
        off = np.abs(relative @ solution - 1.0)
        weight = 1.0 / np.maximum(off, 0.05)
        solution = nnls(relative / scale * weight[:, None], weight)[0] / scale
    return solution


def errors(fitted: Fitted, steps: Iterable[Timed]) -> dict[str, Errors]:
    """Judge what was fitted by ``steps``, kernel by kernel."""
    off: dict[str, list[float]] = {}
    for step in steps:
        off.setdefault(step.kernel, []).append(abs(fitted.predict(step) / step.nanoseconds - 1.0))
    return {
        kernel: Errors(len(own), float(np.median(own)), float(np.percentile(own, 90))) for kernel, own in off.items()
    }
