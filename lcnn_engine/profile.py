"""Where the time of a run goes, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .plan import Plan
from .text import counted, millions, printable, table

HEAD = ("step", "operation", "kernel", "us", "share", "Mmul", "GFLOP/s")


@dataclass(frozen=True)
class ProfileStep:
    """One kernel call: its node, the operation, the kernel, median seconds a picture, multiplications a picture."""

    name: str
    op: str
    kernel: str
    seconds: float
    multiplications: int

    def row(self, total: float) -> tuple[str, ...]:
        """A line of the table, ``total`` being the seconds of all steps."""
        rate = 2e-9 * self.multiplications / self.seconds if self.seconds and self.multiplications else 0.0
        share, microseconds = f"{self.seconds / total:.1%}", f"{1e6 * self.seconds:.1f}"
        work, speed = millions(self.multiplications), f"{rate:.1f}" if rate else ""
        return (self.name, self.op, self.kernel, microseconds, share, work, speed)


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
        total = self.seconds or 1.0
        rows = [step.row(total) for step in self.steps]
        everything = sum(step.multiplications for step in self.steps)
        rows.append(("total", "", "", f"{1e6 * self.seconds:.1f}", "100.0%", millions(everything), ""))
        head = f"{printable(self.model)}: {self.variant}, {counted(self.threads, 'thread')}, medians"
        return f"{head}\n{table(HEAD, rows, left=3)}"


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
