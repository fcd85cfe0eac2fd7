"""What windows of a convolution read in bfloat16: words of channels, or of columns where those are fewer."""

from __future__ import annotations

import pytest

from lcnn_engine.plan import Plan, StepKind
from lcnn_engine.plan.fields import Conv, PackPairs
from tests.helpers.kernel_cases import Network, seeded


def plan_of(channels: int, size: int, dilation: int = 1, count: int = 1) -> Plan:
    network = Network((20, 22, channels), seeded("windows", channels, size))
    for number in range(count):
        network.add("conv2d", "image", name=f"conv{number}", filters=5, kernel_size=(3, size), dilation=(1, dilation))
    if count > 1:
        network.add("add", *(f"conv{number}" for number in range(count)))
    return Plan(network.graph(), network.tensors, precision="bfloat16")


@pytest.mark.parametrize(
    ("channels", "size", "dilation", "columns", "taps"),
    [(1, 5, 1, True, 9), (1, 1, 1, False, 3), (3, 7, 1, True, 12), (3, 3, 1, False, 9), (4, 7, 1, False, 21),
     (1, 5, 2, False, 15), (1, 4, 1, True, 6)],
)  # fmt: skip
def test_the_fewer_words_are_taken(channels: int, size: int, dilation: int, columns: bool, taps: int) -> None:
    fields = [call.fields for call in plan_of(channels, size, dilation).calls]
    packed = next(found for found in fields if isinstance(found, PackPairs))
    conv = next(found for found in fields if isinstance(found, Conv))
    assert (packed.columns, conv.taps) == (columns, taps)
    assert conv.group_channels == (channels if columns else -(-channels // 2))


def test_an_input_is_rounded_once_for_all_who_read_it() -> None:
    plan = plan_of(4, 3, count=3)
    assert [step.name for step in plan.steps if step.kind is StepKind.PACK_PAIRS] == ["conv0"]
