"""Interleaved rounds, blocks, samples and the interval of a median."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.utils.timing import Sample, interleave, mean_of_most, mean_seconds, median_interval, repeats_for


def test_every_contender_runs_once_a_round_and_starts_one_in_turn() -> None:
    calls: list[str] = []

    def contender(name: str, seconds: float):
        def run() -> float:
            calls.append(name)
            return seconds

        return run

    samples = interleave({"a": contender("a", 1.0), "b": contender("b", 2.0)}, rounds=3)
    assert calls == ["a", "b", "b", "a", "a", "b"]
    assert samples["a"].median == 1.0
    assert samples["b"].rounds.tolist() == [2.0, 2.0, 2.0]


def test_sample() -> None:
    sample = Sample(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    assert sample.median == 3.0
    assert sample.spread == pytest.approx((4.0 - 2.0) / 2 / 3.0)


@pytest.mark.parametrize(("count", "ranks"), [(1, (1, 1)), (5, (1, 5)), (6, (1, 6)), (10, (2, 9)), (30, (10, 21))])
def test_the_interval_of_a_median_is_that_of_the_tables(count: int, ranks: tuple[int, int]) -> None:
    """Ranks from 1, as books on the sign test list them for 95%."""
    values = np.random.default_rng(0).permutation(np.arange(1, count + 1)).tolist()
    assert median_interval(values) == ranks


def test_one_call_warms_up_uncounted() -> None:
    calls: list[int] = []
    mean_seconds(lambda: calls.append(0), repeats=3)
    assert len(calls) == 4
    assert repeats_for(lambda: None, block=1e-4) > 10
    assert repeats_for(lambda: sum(range(100000)), block=1e-6) == 1


def test_a_mean_leaves_out_the_slowest_tenth() -> None:
    seconds = np.array([[3.0] * 9 + [100.0], [1.0] * 8 + [5.0, 100.0]])
    assert mean_of_most(seconds).tolist() == [3.0, 13 / 9]
    assert mean_of_most(np.array([7.0])) == 7.0
