"""What was measured of a network, step by step: the numbers that a table, a trace and a timeline are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..plan.calls import StepKind

__all__ = ["LayerChoice", "ProfileStep", "Timings"]


@dataclass(frozen=True)
class ProfileStep:
    """One step of a plan: its node, labels of the operation and of the kernel, median seconds of one image, its
    multiplications, and what kind of step it is."""

    name: str
    op: str
    kernel: str
    seconds: float
    multiplications: int
    kind: StepKind

    @property
    def rate(self) -> float:
        """GFLOP/s, a multiplication and its addition being two; 0 for steps that multiply nothing."""
        return 2e-9 * self.multiplications / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class LayerChoice:
    """A lookup layer: the way it is computed, and the seconds that each way was predicted to take on one core."""

    name: str
    chosen: str
    predicted: Mapping[str, float]


@dataclass(frozen=True)
class Timings:
    """Steps in the order they ran; ``dense``: those of the dense equivalent, where it was asked for.

    ``choices``: how each lookup layer was to be computed, as its plan has it.

    With several threads a step's seconds are those from its start to its end, all threads sharing its work.
    """

    model: str
    variant: str
    threads: int
    runs: int
    steps: Sequence[ProfileStep]
    lookup_layers: Sequence[str]
    dense: Sequence[ProfileStep] | None = None
    precision: str = "float32"
    choices: Sequence[LayerChoice] = ()

    @property
    def seconds(self) -> float:
        """Seconds of all steps."""
        return sum(step.seconds for step in self.steps)

    @property
    def dense_seconds(self) -> float | None:
        """Seconds of all steps of the dense equivalent."""
        return None if self.dense is None else sum(step.seconds for step in self.dense)

    @property
    def ratio(self) -> float | None:
        """How many times as long the dense equivalent takes."""
        return self.dense_seconds / self.seconds if self.dense_seconds and self.seconds else None

    def dense_layers(self) -> Mapping[str, float]:
        """Sum up the seconds that the dense equivalent takes for each lookup layer."""
        sums = dict.fromkeys(self.lookup_layers, 0.0) if self.dense is not None else {}
        for step in self.dense or ():
            if step.name in sums:
                sums[step.name] += step.seconds
        return sums
