"""Steps of what looks at all channels of a pixel or at a whole image: which kernels, shared how, and where it lies."""

from __future__ import annotations

import pytest

from lcnn_engine.plan import Plan
from tests.helpers.kernel_cases import Network, seeded


@pytest.mark.parametrize(
    ("op", "attributes", "shape", "units"),
    [
        ("layer_norm", {"epsilon": 0.1}, (5, 6, 8), 5),
        ("layer_norm", {"epsilon": 0.1}, (33,), 1),
        ("group_norm", {"epsilon": 0.1, "groups": 4}, (5, 6, 8), 4),
        ("channel_max", {}, (5, 6, 8), 5),
        ("channel_mean", {}, (5, 6, 8), 5),
        ("softmax", {}, (5, 6, 8), 5),
        ("log_softmax", {}, (33,), 1),
    ],
)
def test_one_call_that_threads_share(op: str, attributes: dict[str, float], shape: tuple[int, ...], units: int) -> None:
    network = Network(shape, seeded("channels", op))
    network.add(op, **attributes)
    plan = Plan(network.graph(), network.tensors)
    (call,) = (call for call in plan.calls if plan.steps[call.step].op == op)
    assert (call.kernel, call.units) == (op, units)


def test_a_norm_lies_where_its_input_did() -> None:
    network = Network((5, 6, 8), seeded("in place"))
    network.add("activation", activation="tanh")
    network.add("layer_norm", epsilon=0.1)
    network.add("group_norm", epsilon=0.1, groups=2)
    network.add("prelu")
    plain = Network((5, 6, 8), seeded("in place"))
    plain.add("activation", activation="tanh")
    sizes = [Plan(made.graph(), made.tensors).arena_bytes for made in (network, plain)]
    assert sizes[0] == sizes[1]
