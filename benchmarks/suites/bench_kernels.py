"""Single kernels: the time of an operation's own steps, without the layout of input and output around it."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ..operations.cases import Case, all_cases
from .step_clock import by_steps, time_steps


@by_steps
@pytest.mark.parametrize("case", all_cases(), ids=lambda case: f"{case.group}: {case.title}")
def bench_operation(case: Case, benchmark: BenchmarkFixture) -> None:
    """Every operation but lookups, at the shapes of AlexNet and ResNet-18."""
    time_steps(benchmark, case.build(1), ["op0"], case.image())
