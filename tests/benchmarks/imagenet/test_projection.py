"""Whole trainings, from steps with known costs."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.imagenet.projection import GPU_IMAGES_PER_SECOND, at_batch, cost_of, of_picture
from benchmarks.imagenet.steps import IMAGES


def row(*steps: tuple[int, float, float]) -> dict[str, Any]:
    found = [{"batch": batch, "seconds": seconds, "peak_mib": mib} for batch, seconds, mib in steps]
    return {"name": "a", "batch_size": 100, "epochs": 10, "parameters": 5, "steps": found}


def test_what_a_step_takes_besides_its_pictures_counts_once() -> None:
    line = row((4, 2.0 + 4 * 0.5, 1000 + 4 * 50), (12, 2.0 + 12 * 0.5, 1000 + 12 * 50))
    assert of_picture(line) == pytest.approx(0.5)
    assert at_batch(line, "seconds", 100) == pytest.approx(52)
    assert at_batch(line, "peak_mib", 100) == pytest.approx(6000)


@pytest.mark.parametrize("steps", [[(8, 4.0, 800)], [(4, 6.0, 800), (8, 4.0, 800)]])
def test_one_batch_or_noise_leaves_the_share_of_the_whole(steps: list[tuple[int, float, float]]) -> None:
    assert of_picture(row(*steps)) == pytest.approx(0.5)


def test_the_reference_is_as_fast_on_the_gpu_as_published() -> None:
    reference = row((4, 4.0, 500), (8, 8.0, 600))
    cost = cost_of(reference, reference)
    assert cost.gpu_images_per_second == pytest.approx(GPU_IMAGES_PER_SECOND)
    assert cost.core_hours == pytest.approx(IMAGES * 10 / 3600)
    half = cost_of(row((4, 2.0, 500), (8, 4.0, 600)), reference)
    assert half.gpu_hours == pytest.approx(cost.gpu_hours / 2)
