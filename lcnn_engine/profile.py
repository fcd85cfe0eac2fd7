"""Where the time of a run goes, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .plan import Plan


@dataclass(frozen=True)
class ProfileStep:
    """One kernel call: its node, the operation, the kernel, median seconds a picture, multiplications a picture."""

    name: str
    op: str
    kernel: str
    seconds: float
    multiplications: int


@dataclass(frozen=True)
class Profile:
    """Steps in the order they ran. ``str()`` is a table."""

    model: str
    variant: str
    threads: int
    steps: Sequence[ProfileStep]

    @property
    def seconds(self) -> float:
        """Sum over the steps."""
        return sum(step.seconds for step in self.steps)

    def __str__(self) -> str:
        rows = [("step", "operation", "kernel", "us", "share", "Mmul", "GFLOP/s")]
        total = self.seconds or 1.0
        for step in self.steps:
            rate = 2e-9 * step.multiplications / step.seconds if step.seconds and step.multiplications else 0.0
            rows.append(
                (
                    step.name,
                    step.op,
                    step.kernel,
                    f"{1e6 * step.seconds:.1f}",
                    f"{step.seconds / total:.1%}",
                    f"{step.multiplications / 1e6:.3f}" if step.multiplications else "",
                    f"{rate:.1f}" if rate else "",
                )
            )
        multiplications = sum(step.multiplications for step in self.steps)
        rows.append(("total", "", "", f"{1e6 * self.seconds:.1f}", "100.0%", f"{multiplications / 1e6:.3f}", ""))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) if i < 3 else cell.rjust(width) for i, (cell, width) in enumerate(cells))
            for cells in (zip(row, widths, strict=True) for row in rows)
        ]
        threads = f"{self.threads} thread" + "s" * (self.threads != 1)
        return "\n".join([f"{self.model}: {self.variant}, {threads}, medians", *(line.rstrip() for line in lines)])


def profile_plan(plan: Plan, model: str, picture: np.ndarray, threads: int, runs: int) -> Profile:
    """Run one picture, float32 (1, H, W, C), ``runs`` times after two warm-ups and take each step's median."""
    outputs = [np.empty((1, *shape), np.float32) for shape in plan.output_shapes]
    seconds = np.zeros((runs + 2, len(plan.steps)))
    for row in seconds:
        plan.run(picture, outputs, threads, row)
    medians = np.median(seconds[2:], axis=0)
    steps = [
        ProfileStep(step.name, step.op, step.kernel, float(time), step.multiplications)
        for step, time in zip(plan.steps, medians, strict=True)
    ]
    return Profile(model, plan.variant, threads, tuple(steps))
