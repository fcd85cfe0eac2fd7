"""Rates of what pytest-benchmark times: beside its numbers in the JSON, and as a table after its own."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

HEAD = ("name", "median us", "GFLOP/s", "dense-equivalent GFLOP/s")
ROWS: list[tuple[str, ...]] = []


def note(benchmark: BenchmarkFixture, made: int, dense: int) -> None:
    """Note the rate of one run by the multiplications that are ``made``, and by those of a dense network or layer of
    that shape: what dense kernels would have to reach to keep up. 0: there is none."""
    if not benchmark.stats:  # --benchmark-disable
        return
    median = benchmark.stats.stats.median
    rates = [f"{2e-9 * count / median:.1f}" if count else "" for count in (made, dense)]
    benchmark.extra_info.update({name: float(rate) for name, rate in zip(HEAD[2:], rates, strict=True) if rate})
    ROWS.append((benchmark.name, f"{1e6 * median:.1f}", *rates))
