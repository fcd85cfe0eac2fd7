"""What surrounds the kernels is measured, and a failure is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison import surroundings
from benchmarks.comparison.matchups import Entry
from benchmarks.networks.images import Images
from benchmarks.utils.machine import allowed
from lcnn_engine.model.graph import Preprocessing

SMALL = Entry("lcnn", "cnn28-quarter")


def test_a_call_takes_a_few_microseconds_more_than_its_steps(results: Path) -> None:
    figure = surroundings.call_cost(SMALL, Images(), 3)
    assert figure.problem is None
    assert len(figure.rounds) == 3
    assert 0 < figure.median < 1000


@pytest.mark.skipif(len(allowed()) < 2, reason="needs two cores")
def test_two_threads_beside_a_busy_core(results: Path) -> None:
    figure = surroundings.beside_busy_core(SMALL, Images(), 2)
    assert figure.problem is None
    assert all(0 < one < 10 for one in figure.rounds)


def test_a_worker_that_fails_is_told(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "RUNS", "many")
    figure = surroundings.call_cost(SMALL, Images(), 3)
    assert "TypeError" in figure.problem
    assert figure.median is None


def test_normalising_is_compared_with_the_plain_way() -> None:
    figure = surroundings.normalising(2)
    assert len(figure.rounds) == 2
    assert figure.median > 0
    rule = Preprocessing("RGB", (0.5, 0.25, 0.0), (0.5, 1.0, 2.0), 1 / 256)
    pixels = np.array([[[128, 64, 32], [0, 0, 0]]], np.uint8)
    expected = [[[0.0, 0.0, 0.0625], [-1.0, -0.25, 0.0]]]
    np.testing.assert_array_equal(surroundings.plainly_normalised(pixels, rule), expected)
