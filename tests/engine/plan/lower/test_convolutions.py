"""Which kernel a dense convolution gets; tests/engine/kernels has both compute the same."""

from __future__ import annotations

import pytest

from lcnn_engine.kernels import capabilities
from lcnn_engine.plan import Plan, StepKind
from lcnn_engine.plan.machine import Machine
from tests.helpers.kernel_cases import VARIANTS, Network, seeded


@pytest.mark.parametrize(
    ("shape", "filters", "size", "stride", "patches"),
    [
        ((224, 224, 3), 64, 7, 2, True),  # ResNet's first
        ((224, 224, 3), 64, 3, 1, True),  # VGG's
        ((56, 56, 64), 128, 1, 2, True),  # a shortcut
        ((56, 56, 64), 64, 3, 1, False),  # windows of 576 values
        ((56, 56, 8), 16, 3, 1, False),  # few filters use what was brought together
        ((28, 28, 64), 64, 1, 2, False),  # short rows
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


@pytest.mark.parametrize(
    ("shape", "filters", "patches"),
    [
        ((28, 28, 240), 40, True),
        ((14, 14, 672), 112, True),
        ((7, 7, 192), 64, False),  # a quarter of the lanes would be empty
        ((14, 14, 1024), 256, False),  # weights that a second-level cache does not hold
    ],
)
def test_windows_of_one_value_are_read_where_they_lie(shape: tuple[int, int, int], filters: int, patches: bool) -> None:
    network = Network(shape, seeded("run"))
    network.add("conv2d", filters=filters, kernel_size=(1, 1))
    plan = Plan(network.graph(), network.tensors, variant=VARIANTS[0], machine=Machine(patch_width=10**9))
    wide = capabilities(VARIANTS[0]).width == 16
    assert any(step.kind is StepKind.CONV_PATCHES for step in plan.steps) == (patches or (shape[0] == 7 and not wide))


def test_windows_beside_a_border_are_brought_together() -> None:
    network = Network((14, 14, 16), seeded("border"))
    network.add("batch_norm", name="norm")
    network.add("conv2d", "norm", name="point", filters=16, kernel_size=(1, 1))
    network.add("conv2d", "norm", name="window", filters=16, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    network.add("add", "point", "window")
    plan = Plan(network.graph(), network.tensors)
    assert {step.kind for step in plan.steps if step.name == "point"} == {StepKind.CONV}
