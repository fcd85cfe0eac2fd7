"""What one core of this machine can do: multiplications a second, and bytes a second from each level of memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from lcnn_engine import Net, kernel_info
from lcnn_engine.plan.calls import StepKind

from ..networks.builder import NetBuilder

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
USUAL_SIZES = {"L1": 32 * 2**10, "L2": 2**20, "L3": 32 * 2**20}  # where the system does not say
SECONDS = 0.02  # of one try
TRIES = 7
PROBES = 50  # runs of a convolution


@dataclass(frozen=True)
class Limits:
    """``multiplications``: a second, fused with additions, by the precision of what is multiplied. ``sizes`` and
    ``bandwidth``: bytes, and bytes read a second, of "L1", "L2", "L3" and "memory", whose size is endless."""

    multiplications: dict[str, float]
    sizes: dict[str, float]
    bandwidth: dict[str, float]

    def level(self, size: float) -> str:
        """Name the nearest level that holds ``size`` bytes."""
        return next(level for level, room in self.sizes.items() if size <= room)

    def seconds(self, size: float, footprint: float) -> float:
        """Return the time to read ``size`` bytes of a ``footprint`` that is gone through again and again."""
        return size / self.bandwidth[self.level(footprint)]


def measure() -> Limits:
    """Measure the limits of the core that this process is on: the best of several tries of each."""
    sizes = {**cache_sizes(), "memory": float("inf")}
    largest = sizes["L3"]
    bandwidth = {level: _read_rate(int(min(size / 2, 8 * largest))) for level, size in sizes.items()}
    with threadpool_limits(1):
        rates = {"float32": _multiply_rate()}
    lower = [precision for precision in kernel_info()["precisions"] if precision not in rates]
    return Limits(rates | {precision: _convolution_rate(precision) for precision in lower}, sizes, bandwidth)


def cache_sizes() -> dict[str, float]:
    """Read the bytes of the data caches, as the system tells them."""
    found = dict(USUAL_SIZES)
    for folder in sorted(CACHES.glob("index*")):
        if (folder / "type").read_text().strip() != "Instruction":
            text = (folder / "size").read_text().strip()
            found[f"L{(folder / 'level').read_text().strip()}"] = int(text.rstrip("KM")) * 2 ** (
                20 if "M" in text else 10
            )
    return {level: float(found[level]) for level in USUAL_SIZES}


def _best(run: Callable[[], object], work: float) -> float:
    """Work a second of ``run``, which does so much of it."""
    run()
    rates = []
    for _ in range(TRIES):
        count, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < SECONDS or not count:
            run()
            count += 1
        rates.append(work * count / passed)
    return max(rates)


def _multiply_rate() -> float:
    """By NumPy's sgemm on one thread, the best of several shapes, large and small."""
    best = 0.0
    rng = np.random.default_rng(0)
    for rows, depth, columns in ((512, 512, 512), (256, 256, 1024), (96, 384, 96), (30, 64, 961)):
        a, b = (rng.standard_normal(shape, dtype=np.float32) for shape in ((rows, depth), (depth, columns)))
        c = np.empty((rows, columns), np.float32)
        best = max(best, _best(partial(np.matmul, a, b, out=c), rows * depth * columns))
    return best


def _convolution_rate(precision: str) -> float:
    """By our own convolutions, the best of several shapes: NumPy multiplies no lower precision."""
    best = 0.0
    for channels, size, kernel in ((64, 56, 3), (128, 28, 3), (256, 14, 3), (256, 14, 1)):
        net = NetBuilder("probe", (size, size, channels))
        net.conv("conv", channels, kernel, 1, kernel // 2)
        probe = Net(*net.finish(), threads=1, precision=precision)
        x = np.random.default_rng(0).standard_normal(probe.input_shape, dtype=np.float32)
        for step in probe.profile(x, runs=PROBES).steps:
            if step.kind is StepKind.CONV:
                best = max(best, step.multiplications / step.seconds)
    return best


def _read_rate(size: int) -> float:
    """Bytes a second of dot products of one half of ``size`` bytes with the other, repeated inside NumPy, or of the
    largest of them all, whichever is faster."""
    half = np.ones((2, size // 8), np.float32)
    repeats = max(1, 2**20 // size)
    first, second = (np.broadcast_to(row, (repeats, len(row))) for row in half)
    out = np.empty(repeats, np.float32)
    dots = _best(lambda: np.vecdot(first, second, out=out), repeats * half.nbytes)
    return max(dots, _best(half.max, half.nbytes))
