"""A few real steps of the smallest configuration."""

from __future__ import annotations

import pytest

pytest.importorskip("tensorflow")

from benchmarks.imagenet.steps import StepError, configurations, measured


def test_steps_are_measured_in_a_process_of_their_own() -> None:
    found = measured("imagenet-resnet10-dense", 1, [1, 2])
    assert (found["epochs"], found["batch_size"]) == (35, 256)
    assert 5e6 < found["parameters"] < 6e6
    first, last = found["steps"]
    assert (first["batch"], last["batch"]) == (1, 2)
    assert min(first["seconds"], last["seconds"]) > 0
    assert 200 < first["peak_mib"] <= last["peak_mib"]


def test_a_configuration_that_there_is_not_is_an_error() -> None:
    with pytest.raises(StepError, match="imagenet-nothing"):
        measured("imagenet-nothing", 1, [1])


def test_all_configurations_are_for_imagenet() -> None:
    names = configurations()
    assert len(names) > 10
    assert all(name.startswith("imagenet-") for name in names)
