"""Calls as initialisers of C."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lcnn_engine.embed.calls_source import calls_source
from lcnn_engine.embed.constants import ConstantFile
from lcnn_engine.embed.plans import EmbeddedPlan, plans_for
from lcnn_engine.kernels import LAYOUTS
from lcnn_engine.model.graph import MAX_BYTES
from tests.helpers.kernel_cases import Network, seeded


def planned(activation: str = "leaky_relu", alpha: float | None = 0.1, name: str | None = None) -> EmbeddedPlan:
    network = Network((6, 7, 3), seeded("source"))
    network.add("conv2d", filters=5, kernel_size=(3, 3), activation=activation, alpha=alpha, name=name)
    network.add("flatten")
    network.add("dense", units=4)
    return plans_for(network.graph(), network.tensors, ["scalar"], "float32", MAX_BYTES)[0]


def test_every_call_and_every_field_is_named() -> None:
    plan = planned()
    constants = ConstantFile()
    text = calls_source(plan, constants.add(plan.constants))
    assert re.findall(r"\.kernel = (\w+)", text) == [call.kernel for call in plan.calls]
    for call in plan.calls:
        for name, _ in LAYOUTS[call.kernel]:
            assert f".{name} = " in text


@pytest.mark.parametrize("alpha", [0.1, 1e-30, 1 / 3, -2.5])
def test_numbers_keep_their_bits(alpha: float) -> None:
    plan = planned(alpha=alpha)
    text = calls_source(plan, ConstantFile().add(plan.constants))
    written = [float.fromhex(word) for word in re.findall(r"\.alpha = (\S+)f[,}]", text)]
    assert np.float32(alpha) in written


def test_names_of_nodes_cannot_leave_their_comment() -> None:
    text = calls_source(*_with_places(planned(name='a*/ #include "x" \\ ??/é')))
    assert '#include "x" ' in text
    assert text.count("/*") == text.count("*/")
    assert not re.search(r"[\\?é]", text)


def _with_places(plan: EmbeddedPlan) -> tuple[EmbeddedPlan, list[int]]:
    return plan, ConstantFile().add(plan.constants)
