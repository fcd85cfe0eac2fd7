"""Which lookup layers are multiplied out."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from lcnn_engine import Net, write_model
from lcnn_engine.kernels import capabilities
from lcnn_engine.plan import Plan, lower, planned
from lcnn_engine.plan.choosing import LOOKUPS, MULTIPLIED_OUT, Choice, choices
from lcnn_engine.plan.machine import Machine
from lcnn_engine.plan.times.machines import times_of
from tests.helpers.kernel_cases import Network, check, seeded


def _network(density: float) -> Network:
    network = Network((20, 20, 16), seeded("choice"), k=40, density=density)
    for name in ("first", "second"):
        network.add("lookup_conv2d", filters=32, kernel_size=(3, 3), padding=(1, 1, 1, 1), name=name)
    return network


def _choices(network: Network, machine: Machine | None = None, every: bool = False) -> list[Choice]:
    graph, able = network.graph(), capabilities("scalar")
    lowered = lower(graph, network.tensors, [graph.output], able)
    return choices(graph, lowered, able, machine or Machine(), "float32", times_of("scalar"), every=every)


def test_many_lookups_are_multiplied_out_and_few_are_not() -> None:
    many, few = _choices(_network(1.0)), _choices(_network(0.01))
    assert [one.chosen for one in many] == [MULTIPLIED_OUT, MULTIPLIED_OUT]
    assert [one.chosen for one in few] == [LOOKUPS, LOOKUPS]
    assert [one.name for one in few] == ["first", "second"]


def test_the_other_way_is_predicted_where_it_may_be_faster_and_on_request() -> None:
    assert _choices(_network(0.01))[0].multiplied_out is None
    other = _choices(_network(0.01), every=True)[0].multiplied_out
    assert other is not None
    assert other == pytest.approx(_choices(_network(1.0))[0].multiplied_out, rel=0.01)  # of the same shape


def test_a_machine_may_never_multiply_out() -> None:
    assert {one.chosen for one in _choices(_network(1.0), Machine(multiplied_gain=1e-9))} == {LOOKUPS}


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("gain", [1e-9, 0.9, 1e9])
def test_whatever_is_chosen_is_the_definition(gain: float, precision: str) -> None:
    """A machine with other constants is as correct."""
    both = ["first", "second"]
    check(_network(0.2), outputs=both, machine=Machine(multiplied_gain=gain), precision=precision, multiplied=None)


def test_the_same_is_chosen_every_time_and_by_a_pickle(tmp_path: Path) -> None:
    network = _network(0.6)
    graph, tensors = network.graph(), network.tensors
    write_model(graph, tensors, tmp_path / "model")
    found = [planned(graph, tensors, precision="int8").multiplied for _ in range(2)]
    net = Net.load(tmp_path / "model", precision="int8")
    x = network.rng.standard_normal(net.input_shape).astype(np.float32)
    assert found[0] == found[1]
    assert np.array_equal(pickle.loads(pickle.dumps(net)).run(x), net.run(x))


def test_features_keep_what_the_output_was_computed_with() -> None:
    """In int8 the two ways are not within a rounding of each other."""
    network = _network(1.0)
    net = Net(network.graph(), network.tensors, threads=1, precision="int8")
    x = network.rng.standard_normal(net.input_shape).astype(np.float32)
    both = net.features(x, ["first", "second"])
    assert isinstance(both, dict)
    np.testing.assert_allclose(both["second"], net.run(x), atol=1e-5 * np.abs(both["second"]).max())


def test_a_plan_is_told_what_to_multiply_out() -> None:
    network = _network(0.01)
    plan = Plan(network.graph(), network.tensors, multiplied=["second"])
    assert plan.multiplied == ("second",)
    assert "conv2d" in {step.op for step in plan.steps if step.name == "second"}
    assert Plan(network.graph(), network.tensors).multiplied == ()
