"""A whole network, lowered: its nodes in order, and what is wanted of it."""

from __future__ import annotations

from lcnn_engine.kernels import capabilities
from lcnn_engine.plan.lower.network import lower
from tests.helpers.kernel_cases import Network, seeded


def test_nodes_are_lowered_in_order_and_what_nobody_needs_is_not() -> None:
    network = Network((9, 9, 4), seeded("network"))
    network.add("conv2d", filters=6, kernel_size=(3, 3), name="conv")
    network.add("softmax", "conv", name="aside")
    network.add("batch_norm", "conv", name="norm")
    network.add("lookup_conv2d", filters=5, kernel_size=(3, 3), name="lookups")
    network.add("max_pool2d", pool_size=(2, 2), name="pool")
    graph, able = network.graph(), capabilities("scalar")
    lowered = lower(graph, network.tensors, ["pool"], able)
    assert list(dict.fromkeys(step.name for step in lowered.steps)) == ["image", "conv", "norm", "lookups", "pool"]
    assert [call.step for call in lowered.calls] == sorted(call.step for call in lowered.calls)
    both = lower(graph, network.tensors, ["pool", "aside"], able)
    assert [step.name for step in both.steps if step.op == "output"] == ["pool", "aside"]
