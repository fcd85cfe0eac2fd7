"""For ``pytest benchmarks --benchmark-only``: a clean environment, one core, networks made once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from .utils import machine

if TYPE_CHECKING:
    from lcnn_engine.interop.dense import GraphAndTensors

machine.forget_blas_settings()  # this file is read before NumPy, which is why it imports so little


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "all_cores: a benchmark that is not kept to one core")


@pytest.fixture(autouse=True)
def _pinned(request: pytest.FixtureRequest) -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    if "all_cores" not in request.keywords:
        machine.pin()
    yield
    os.sched_setaffinity(0, cores)


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    machine_info["lcnn"] = machine.describe()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The rates, after pytest-benchmark's table, which has no place for them."""
    from .suites import rates
    from .utils import report

    if rates.ROWS:
        terminalreporter.section("rates of the medians")
        terminalreporter.write_line(report.table([rates.HEAD, *rates.ROWS]))


@pytest.fixture(scope="session")
def workload() -> Callable[[str], GraphAndTensors]:
    """A workload by name, made once a session."""
    from .networks.workloads import WORKLOADS

    return cache(lambda name: WORKLOADS[name]())
