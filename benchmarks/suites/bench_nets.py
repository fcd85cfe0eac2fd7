"""Whole networks: every workload on both engines, and ours by batch and by threads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from lcnn_engine import Net
from lcnn_engine.analysis.cost import cost_of, totals
from lcnn_engine.interop.dense import GraphAndTensors, dense_equivalent

from ..networks.workloads import WORKLOADS
from ..operations.timed_engines import OnnxRuntime
from . import rates

Make = Callable[[str], GraphAndTensors]

LOOKUP_NETS = [name for name in WORKLOADS if any(word in name for word in ("lcnn", "lookup", "pruned"))]


def _image(shape: tuple[int, ...], batch: int = 0) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((*([batch] if batch else []), *shape), dtype=np.float32)


def _time_net(benchmark: BenchmarkFixture, workload: Make, name: str, threads: int = 1, batch: int = 0) -> None:
    net = Net(*workload(name), threads=threads)
    x = _image(net.input_shape, batch)
    out = net.run(x)
    benchmark(net.run, x, out=out)
    _note_rates(benchmark, workload(name), max(batch, 1))


def _note_rates(benchmark: BenchmarkFixture, network: GraphAndTensors, images: int) -> None:
    counts = totals(cost_of(*network))
    rates.note(benchmark, images * counts["multiplications"], images * counts["dense"])


@pytest.mark.parametrize("name", WORKLOADS)
def bench_lcnn(name: str, benchmark: BenchmarkFixture, workload: Make) -> None:
    """One image, one thread."""
    _time_net(benchmark, workload, name)


@pytest.mark.parametrize("name", WORKLOADS)
def bench_onnxruntime(name: str, benchmark: BenchmarkFixture, workload: Make) -> None:
    """The same graphs, lookup layers as dense convolutions."""
    graph, tensors = workload(name)
    session = OnnxRuntime(graph, tensors, _image(graph.input.shape))
    benchmark(session.run)
    _note_rates(benchmark, dense_equivalent(graph, tensors), 1)


@pytest.mark.parametrize("batch", [1, 4, 16, 32])
@pytest.mark.parametrize("name", ["alexnet-lcnn-fast", "small-lookup"])
def bench_batch(name: str, batch: int, benchmark: BenchmarkFixture, workload: Make) -> None:
    _time_net(benchmark, workload, name, batch=batch)


@pytest.mark.all_cores
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", LOOKUP_NETS)
def bench_threads(name: str, threads: int, benchmark: BenchmarkFixture, workload: Make) -> None:
    """One image, on all cores that the process may use."""
    _time_net(benchmark, workload, name, threads=threads)
