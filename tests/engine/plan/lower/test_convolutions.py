"""Which kernel a dense convolution gets; tests/engine/kernels has both compute the same."""

from __future__ import annotations

import pytest

from lcnn_engine.plan import Plan, StepKind
from tests.helpers.kernel_cases import VARIANTS, Network, seeded


@pytest.mark.parametrize(
    ("shape", "filters", "size", "stride", "patches"),
    [
        ((224, 224, 3), 64, 7, 2, True),  # ResNet's first
        ((224, 224, 3), 64, 3, 1, True),  # VGG's
        ((56, 56, 64), 128, 1, 2, True),  # a shortcut
        ((56, 56, 64), 64, 3, 1, False),  # windows of 576 values
        ((56, 56, 8), 16, 3, 1, False),  # few filters use what was brought together
        ((14, 14, 64), 64, 1, 1, False),  # short rows
    ],
)
def test_the_kernel_of_a_convolution(
    shape: tuple[int, int, int], filters: int, size: int, stride: int, patches: bool
) -> None:
    network = Network(shape, seeded("choice"))
    padding = (size // 2,) * 4
    network.add("conv2d", filters=filters, kernel_size=(size, size), strides=(stride, stride), padding=padding)
    for variant in VARIANTS:
        plan = Plan(network.graph(), network.tensors, variant=variant)
        assert [step.kind is StepKind.CONV_PATCHES for step in plan.steps if step.op == "conv2d"] == [patches]
