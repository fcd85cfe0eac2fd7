"""Convolutions whose filters read one channel: a call of planes, which makes no copy of its input."""

from __future__ import annotations

import pytest

from lcnn_engine.plan import Plan, StepKind
from lcnn_engine.plan.fields import Depthwise
from tests.helpers.kernel_cases import Network, seeded


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("each", [1, 3])
def test_units_are_filters_that_know_their_channel(stride: int, each: int) -> None:
    network = Network((12, 10, 5), seeded("plan depthwise", stride, each))
    network.add("batch_norm")
    network.add("conv2d", filters=5 * each, groups=5, kernel_size=(3, 3), padding=(1, 1, 1, 1), strides=(stride,) * 2)
    plan = Plan(network.graph(), network.tensors)
    (call,) = (call for call in plan.calls if call.kernel == "conv_depthwise")
    assert isinstance(call.fields, Depthwise)
    assert (call.units, call.fields.filters_of_channel) == (5 * each, each)
    kinds = [step.kind for step in plan.steps]
    assert kinds == [StepKind.INPUT, StepKind.POINTWISE, StepKind.CONV_DEPTHWISE, StepKind.OUTPUT]
    assert plan.steps[2].multiplications == call.work == 12 * 10 // stride**2 * 5 * each * 9


@pytest.mark.parametrize(("groups", "filters", "size"), [(1, 4, (8, 8)), (2, 4, (8, 8)), (4, 4, (3, 4))])
def test_other_convolutions_are_none(groups: int, filters: int, size: tuple[int, int]) -> None:
    """One group, two channels a group, a result of two pixels."""
    network = Network((*size, 4), seeded("plan other", groups))
    network.add("conv2d", filters=filters, groups=groups, kernel_size=(3, 3))
    plan = Plan(network.graph(), network.tensors)
    assert StepKind.CONV_DEPTHWISE not in {step.kind for step in plan.steps}
