"""From amounts to seconds."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.kernels import LAYOUTS, capabilities
from lcnn_engine.plan import lower, planned
from lcnn_engine.plan.times.machines import Times
from lcnn_engine.plan.times.predicting import amounts_of, predicted_steps
from tests.helpers.kernel_cases import Network, seeded

ONE = Times("one", "scalar", 2**20, 2**25, {kernel: {"call": 1.0} for kernel in LAYOUTS}, {"silu": 2.0})


def _seconds(network: Network, times: Times = ONE, precision: str = "float32") -> dict[str, float]:
    one = planned(network.graph(), network.tensors, variant="scalar", precision=precision, multiplied=())
    found: dict[str, float] = {}
    for step, seconds in zip(one.lowered.steps, predicted_steps(one.lowered, one.able, times), strict=True):
        found[step.name] = found.get(step.name, 0.0) + seconds
    return found


def test_a_step_is_the_sum_of_its_calls() -> None:
    network = Network((40, 40, 3), seeded("bands"))
    network.add("conv2d", filters=70, kernel_size=(1, 1), padding=(0, 0, 300, 300), name="conv")
    network.add("max_pool2d", pool_size=(2, 2), strides=(2, 2), name="pool")
    one = planned(network.graph(), network.tensors, variant="scalar", multiplied=())
    calls = [call for call in one.lowered.calls if one.lowered.steps[call.step].name == "conv"]
    assert len(calls) > 1  # bands of rows
    assert _seconds(network)["conv"] == pytest.approx(1e-9 * len(calls))


def test_an_activation_that_takes_time_is_counted_by_its_results() -> None:
    network = Network((4, 4, 3), seeded("activation"))
    network.add("conv2d", filters=5, kernel_size=(1, 1), activation="silu", name="conv")
    assert _seconds(network)["conv"] == pytest.approx(1e-9 * (2 + 2 * 4 * 4 * 5))  # and the output
    vector = Network((9,), seeded("activation"))
    vector.add("dense", units=7, activation="silu", name="dense")
    assert _seconds(vector)["dense"] == pytest.approx(1e-9 * (3 + 2 * 7))  # and the list of inputs


@pytest.mark.parametrize(
    ("before", "share"),
    [([], 1.0), (["relu"], 0.5), (["relu", "pool"], 1 - 0.5**4), (["relu", "flatten"], 0.5), (["tanh"], 1.0)],
)
def test_what_reads_a_relu_is_taken_to_read_half(before: list[str], share: float) -> None:
    network = Network((4, 4, 16), seeded("zeros"))
    for one in before:
        if one == "pool":
            network.add("max_pool2d", pool_size=(2, 2), strides=(2, 2))
        elif one != "flatten":
            network.add("activation", activation=one)
    network.add("flatten")
    network.add("dense", units=16)
    lowered, able = (
        planned(network.graph(), network.tensors, variant="scalar", multiplied=()).lowered,
        capabilities("scalar"),
    )
    found = next(a for a in amounts_of(lowered, able, 2**20, 2**25) if a.call.kernel == "dense")
    assert found.amounts["multiply whole"] == pytest.approx(share * 16 * found.call.fields.length)  # type: ignore[union-attr]


def test_weights_that_float16_holds_are_read_as_halves() -> None:
    network = Network((64,), seeded("halves"))
    network.add("dense", units=16, name="dense")
    network.tensors["dense/kernel"] = network.tensors["dense/kernel"].astype(np.float16).astype(np.float32)
    one = planned(network.graph(), network.tensors, variant="scalar", multiplied=())
    found = next(a for a in amounts_of(one.lowered, one.able, 2**20, 2**25) if a.call.kernel == "dense")
    assert "multiply float16" in found.amounts


def test_nothing_is_packed_or_run_for_it() -> None:
    """A lowered network predicts as it is, of any variant that runs here."""
    network = Network((8, 8, 3), seeded("plain"))
    network.add("conv2d", filters=4, kernel_size=(3, 3))
    graph = network.graph()
    lowered = lower(graph, network.tensors, [graph.output], capabilities("scalar"))
    assert len(predicted_steps(lowered, capabilities("scalar"), ONE)) == len(lowered.steps)
