"""How filters that share their lookups are laid out for their kernel: groups, units, layers shared in part."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.plan import Plan
from lcnn_engine.plan.calls import KernelCall, StepKind
from lcnn_engine.plan.fields import LookupShared
from lcnn_engine.plan.lower.shared_lookups import SHARED_LANES
from lcnn_engine.plan.machine import Machine
from tests.helpers.kernel_cases import Network, seeded


def plan_of(shared: int, alone: int = 0, strides: tuple[int, int] = (1, 1), k: int = 0) -> Plan:
    """A convolution on 12x20 pixels, of whose filters so many share their lookups by groups."""
    network = Network((12, 20, 8), seeded("shared", shared, alone), k=k, groups_of=SHARED_LANES, alone=alone)
    network.add("batch_norm")
    network.add("lookup_conv2d", filters=shared + alone, kernel_size=(3, 3), padding=(1, 1, 1, 1), strides=strides)
    return Plan(network.graph(), network.tensors, machine=Machine(shared_unit_pixels=60), multiplied=())


def shared_call(plan: Plan) -> tuple[KernelCall, LookupShared]:
    call = next(call for call in plan.calls if call.kernel == "lookup_shared")
    assert isinstance(call.fields, LookupShared)
    return call, call.fields


def test_units_are_rows_of_groups() -> None:
    call, fields = shared_call(plan_of(5 * SHARED_LANES))
    assert (fields.groups, fields.rows_per_unit, call.units) == (5, 3, 5 * 4)


def test_a_layer_shared_in_part_is_one_step_of_two_calls() -> None:
    plan = plan_of(2 * SHARED_LANES, alone=3)
    step = next(step for step in plan.steps if step.kind is StepKind.LOOKUP_SHARED)
    assert step.kernel.startswith(f"lookup shared {SHARED_LANES} + lookup ")
    kernels = [call.kernel for call in plan.calls if plan.steps[call.step] == step]
    assert kernels == ["lookup_shared", "lookup_tile"]


@pytest.mark.parametrize(("k", "split"), [(0, False), (5, True)])
def test_strides_need_a_copy_for_dictionaries_alone(k: int, split: bool) -> None:
    plan = plan_of(2 * SHARED_LANES, strides=(2, 2), k=k)
    assert any(step.kind is StepKind.SPLIT_BY_STRIDE for step in plan.steps) is split
    fields = shared_call(plan)[1]
    assert (fields.stride_h, fields.stride_w) == ((1, 1) if split else (2, 2))


def test_coefficients_of_a_lane_are_those_of_its_filter() -> None:
    plan = plan_of(2 * SHARED_LANES - 3)
    fields = shared_call(plan)[1]
    order = plan.constants[fields.order.number].array.reshape(-1, SHARED_LANES)
    coefficients = plan.constants[fields.coefficients.number].array.reshape(-1, SHARED_LANES)
    assert sorted(order[order >= 0].tolist()) == list(range(2 * SHARED_LANES - 3))
    indptr = plan.constants[fields.indptr.number].array
    for group in range(fields.groups):
        lanes = coefficients[indptr[group] : indptr[group + 1]]
        assert np.all(lanes[:, order[group] < 0] == 0)
        assert np.all(lanes[:, order[group] >= 0] != 0)
