"""A clock for pytest-benchmark that moves only while a network's chosen steps run: kernels timed alone."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from lcnn_engine.interop.dense import GraphAndTensors

from ..operations.timed_engines import Ours
from . import rates

ROUNDS = 50


class StepClock:
    """Seconds of all steps timed so far."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def run(self, ours: Ours, nodes: Collection[str]) -> None:
        """Run a network; the clock advances by what the steps of ``nodes`` took."""
        self.seconds += ours.run_timed(nodes)


CLOCK = StepClock()
by_steps = pytest.mark.benchmark(timer=CLOCK)  # for benchmarks that call time_steps


def time_steps(
    benchmark: BenchmarkFixture, network: GraphAndTensors, nodes: Collection[str], image: np.ndarray, dense: int = 0
) -> None:
    """Benchmark the steps of ``nodes``, and note their rate; ``dense``: see :func:`rates.note`."""
    ours = Ours(*network, image)
    benchmark.pedantic(CLOCK.run, args=(ours, nodes), rounds=ROUNDS, warmup_rounds=3)
    rates.note(benchmark, sum(step.multiplications for step in ours.plan.steps if step.name in nodes), dense)
