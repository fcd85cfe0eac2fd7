"""Which 3x3 convolutions go by windows of 4 x 4, and what the two calls are given."""

from __future__ import annotations

from typing import Any

import pytest

from lcnn_engine.plan import Plan, StepKind
from lcnn_engine.plan.fields import Conv, WinogradInput
from tests.helpers.kernel_cases import Network, seeded


def plan_of(shape: tuple[int, int, int], precision: str = "float32", pool: bool = False, **attributes: Any) -> Plan:
    network = Network(shape, seeded("plan winograd"))
    options = {"filters": 64, "kernel_size": (3, 3), "padding": (1, 1, 1, 1), **attributes}
    network.add("conv2d", **options)
    if pool:
        network.add("max_pool2d", pool_size=(2, 2), strides=(2, 2))
    return Plan(network.graph(), network.tensors, precision=precision)


def by_windows(plan: Plan) -> bool:
    return StepKind.CONV_WINOGRAD in {step.kind for step in plan.steps}


def test_it_is_a_step_that_makes_windows_and_one_that_makes_results() -> None:
    plan = plan_of((15, 20, 64))
    before, step = (step for step in plan.steps if step.kind in (StepKind.WINOGRAD_INPUT, StepKind.CONV_WINOGRAD))
    first, second = (call for call in plan.calls if plan.steps[call.step] in (before, step))
    assert (before.name, before.multiplications) == (step.name, 0)
    assert isinstance(first.fields, WinogradInput)
    assert isinstance(second.fields, Conv)
    assert first.output == second.inputs[0]
    assert (first.output.height, first.output.width, first.units) == (8, 10, 64)
    assert first.fields == WinogradInput(rows=17, top=1, left=1)
    assert step.multiplications == second.work == 16 * 8 * 10 * 64 * 64
    assert (second.fields.pixels_per_unit, second.fields.pixel_chunks) == (4, 2)


@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_size": (5, 5)},
        {"strides": (2, 2)},
        {"dilation": (2, 2)},
        {"groups": 2},
        {"filters": 8},
        {"pool": True},
        {"precision": "bfloat16"},
        {"precision": "int8"},
    ],
    ids=str,
)
def test_others_are_direct(attributes: dict[str, Any]) -> None:
    assert by_windows(plan_of((14, 14, 64)))
    assert not by_windows(plan_of((14, 14, 64), **attributes))


@pytest.mark.parametrize("shape", [(3, 14, 64), (14, 3, 64), (14, 14, 3)])
def test_what_would_not_gain_is_direct(shape: tuple[int, int, int]) -> None:
    assert not by_windows(plan_of(shape))
