"""A lookup layer (S = D X and the lookups), and how its time grows with each of its sizes.

The middle of every sweep is one layer: 192 filters of 3x3 on 27x27x64, 64 atoms, density 0.05.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ..networks.builder import NetBuilder
from .step_clock import by_steps, time_steps

pytestmark = by_steps


@dataclass(frozen=True)
class Layer:
    size: int = 27
    channels: int = 64
    filters: int = 192
    kernel: int = 3
    stride: int = 1
    atoms: int | None = 64
    density: float = 0.05


MIDDLE = Layer()


def _time(layer: Layer, benchmark: BenchmarkFixture) -> None:
    net = NetBuilder("layer", (layer.size, layer.size, layer.channels))
    net.lookup_conv(
        "op0", layer.filters, layer.kernel, layer.stride, layer.kernel // 2, atoms=layer.atoms, density=layer.density
    )
    height, width, _ = net.shapes["op0"]
    dense = height * width * layer.filters * layer.channels * layer.kernel**2
    image = np.random.default_rng(0).standard_normal(net.input.shape, dtype=np.float32)
    time_steps(benchmark, net.finish(), ["op0"], image, dense)


@pytest.mark.parametrize("atoms", [4, 16, 64, 256, 1024])
def bench_atoms(atoms: int, benchmark: BenchmarkFixture) -> None:
    """k grows, the number of lookups stays."""
    _time(replace(MIDDLE, atoms=atoms, density=MIDDLE.density * min(16.0, 64 / atoms)), benchmark)


@pytest.mark.parametrize("density", [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
def bench_lookups(density: float, benchmark: BenchmarkFixture) -> None:
    _time(replace(MIDDLE, density=density), benchmark)


@pytest.mark.parametrize("density", [0.01, 0.05, 0.1, 0.3])
def bench_pruned(density: float, benchmark: BenchmarkFixture) -> None:
    """Without a dictionary."""
    _time(replace(MIDDLE, atoms=None, density=density), benchmark)


@pytest.mark.parametrize("size", [7, 13, 14, 27, 28, 55, 56, 112])
def bench_resolution(size: int, benchmark: BenchmarkFixture) -> None:
    _time(replace(MIDDLE, size=size), benchmark)


@pytest.mark.parametrize("filters", [16, 48, 192, 768])
def bench_filters(filters: int, benchmark: BenchmarkFixture) -> None:
    _time(replace(MIDDLE, filters=filters), benchmark)


@pytest.mark.parametrize("channels", [3, 16, 64, 256])
def bench_channels(channels: int, benchmark: BenchmarkFixture) -> None:
    _time(replace(MIDDLE, channels=channels), benchmark)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def bench_kernel_size(kernel: int, benchmark: BenchmarkFixture) -> None:
    """The kernel grows, the number of lookups stays."""
    _time(replace(MIDDLE, kernel=kernel, density=min(1.0, MIDDLE.density * 9 / kernel**2)), benchmark)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def bench_stride(stride: int, benchmark: BenchmarkFixture) -> None:
    _time(replace(MIDDLE, stride=stride), benchmark)
