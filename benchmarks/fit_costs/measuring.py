"""The times of steps, each the least of many runs in turns, with what they read in the cache, in a farther one, or not.

A layer of a network finds its input in the second-level cache, where the layer before it has just left it, and its
weights wherever all that ran since the last run has left them. So between two runs of a small network as much other
memory is read as makes its weights go there; its input is written anew by the run itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from lcnn_engine.plan import Machine, Plan, planned
from lcnn_engine.plan.times.amounts import Amounts
from lcnn_engine.plan.times.predicting import CalledAmounts, amounts_of

from .layers import READER, Layer

TOGETHER = 40  # layers that are in memory at once, and take turns
ROUNDS, RUNS = 3, 6
LONG = 0.004  # seconds of a run, of which half as many are enough


@dataclass(frozen=True)
class Caches:
    """Bytes of the second-level cache and of the shared one."""

    near: int
    shared: int

    def resident(self, state: str) -> float:
        """Say what a network must go through between two runs for its weights to come from ``state``."""
        return {"near": 0.0, "far": 0.5 * self.shared, "memory": float(self.shared)}[state]


@dataclass(frozen=True)
class Timed:
    """A step of one kernel: what it consists of, and the nanoseconds it takes; ``held_out``: not to be fitted to."""

    kernel: str
    amounts: Amounts
    activation: str
    activated: float
    nanoseconds: float
    held_out: bool


@dataclass
class _Runner:
    """A layer in one state of the caches, ready to be run over and over."""

    plan: Plan
    calls: list[CalledAmounts]
    state: str
    image: np.ndarray
    held_out: bool
    best: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.outputs = [np.empty((1, *shape), np.float32) for shape in self.plan.output_shapes]
        self.best = np.full(len(self.plan.steps), np.inf)

    def run(self, runs: int, others: dict[str, np.ndarray]) -> None:
        """Keep the least of some runs, step by step; one that is not counted comes first."""
        for number in range(-1, runs):
            if self.state in others:
                others[self.state].sum()
            seconds = np.zeros(len(self.best))
            self.plan.run(self.image, self.outputs, 1, seconds)
            if number >= 0:
                np.minimum(self.best, seconds, out=self.best)
            if number > 1 and seconds.sum() > LONG:
                break

    def timed(self) -> Iterator[Timed]:
        """Give its steps, but for those of several kernels."""
        for number, seconds in enumerate(self.best):
            own = [one for one in self.calls if one.call.step == number]
            if self.plan.steps[number].name == READER:
                continue
            if len({one.call.kernel for one in own}) != 1:
                continue
            amounts: Amounts = {}
            for one in own:
                for name, amount in one.amounts.items():
                    amounts[name] = amounts.get(name, 0.0) + amount
            yield Timed(
                own[0].call.kernel,
                amounts,
                own[0].activation,
                sum(one.activated for one in own),
                1e9 * seconds,
                self.held_out,
            )


def measured(layers: Iterable[Layer], variant: str, caches: Caches, every: int = 5) -> list[Timed]:
    """Measure the steps of ``layers`` with the kernels of ``variant``, on one thread; one in ``every`` is held out."""
    others = {"far": np.ones(4 * caches.near // 4, np.float32), "memory": np.ones(2 * caches.shared // 4, np.float32)}
    found: list[Timed] = []
    numbered = enumerate(layers)
    while batch := list(islice(numbered, TOGETHER)):
        runners = [
            runner for number, layer in batch for runner in _runners(layer, variant, caches, number % every == 0)
        ]
        for _ in range(ROUNDS):
            for runner in runners:
                runner.run(RUNS, others)
        found += [timed for runner in runners for timed in runner.timed()]
    return found


def _runners(layer: Layer, variant: str, caches: Caches, held_out: bool) -> Sequence[_Runner]:
    """Make a layer ready; in the state that its weights and activations allow for."""
    how: dict[str, Any] = {
        "variant": variant, "precision": layer.precision, "machine": Machine(blas=layer.blas), "multiplied": ()
    }  # fmt: skip
    plan, one = Plan(layer.graph, layer.tensors, **how), planned(layer.graph, layer.tensors, **how)
    rng = np.random.default_rng(1)
    image = rng.standard_normal((1, *layer.graph.input.shape), dtype=np.float32)
    if layer.nonzero < 1:  # as relu leaves them
        image = np.abs(image) * (rng.random(image.shape) < layer.nonzero)
    held = sum(constant.array.nbytes for constant in plan.constants) + plan.arena_bytes
    states = ["near"] if 2 * held <= caches.near else []
    states += ["far", *(["memory"] if layer.memory else [])]
    return [
        _Runner(
            plan,
            list(
                amounts_of(
                    one.lowered,
                    one.able,
                    caches.near,
                    caches.shared,
                    resident=caches.resident(state),
                    nonzero=layer.nonzero,
                )
            ),
            state,
            image,
            held_out,
        )
        for state in states
    ]
