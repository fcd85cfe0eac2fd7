"""A plan as text."""

from __future__ import annotations

import re

from lcnn_engine.plan import Plan
from tests.engine.plan.test_lowering import classifier


def test_all_of_a_plan_is_printed() -> None:
    network = classifier()
    plan = Plan(network.graph(), network.tensors)
    text = str(plan)
    assert f"{len(plan.steps)} steps, {len(plan.calls)} calls" in text
    assert len(re.findall(r"^step \d+: ", text, re.M)) == len(plan.steps)
    for number, (buffer, offset) in enumerate(zip(plan.buffers, plan.arena.offsets, strict=True)):
        assert re.search(rf"^    b{number}: {buffer.size:,} at {offset:,}, calls \d+ to \d+$", text, re.M)
    for number, constant in enumerate(plan.constants):
        assert f"    c{number}: {constant.name}, {constant.array.dtype}" in text
    assert re.search(r"lookup_tile \| *-> 16x16x8 at b\d+.*filters=8.*activation=relu.*\| \d+ units", text)
    assert f"activations {plan.arena_bytes:,} bytes" in text
