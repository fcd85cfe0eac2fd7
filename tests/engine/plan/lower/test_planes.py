"""Where lookups read: the input as it lies, the phases of a stride, S."""

from __future__ import annotations

import pytest

from lcnn_engine.kernels import capabilities, choose_variant
from lcnn_engine.plan import Plan
from lcnn_engine.plan.fields import Dictionary, Lookup, SpaceToDepth
from lcnn_engine.plan.machine import Machine
from tests.helpers.kernel_cases import Network, seeded


def plan_of(k: int, strides: tuple[int, int], size: tuple[int, int] = (9, 14)) -> Plan:
    network = Network((*size, 4), seeded("planes", k, strides), k=k)
    network.add("batch_norm")
    network.add("lookup_conv2d", filters=5, kernel_size=(3, 3), padding=(1, 1, 1, 1), strides=strides)
    return Plan(network.graph(), network.tensors, multiplied=())


def fields_of(plan: Plan, kind: type) -> list[object]:
    return [call.fields for call in plan.calls if isinstance(call.fields, kind)]


def test_without_a_stride_lookups_read_the_input_with_its_border() -> None:
    plan = plan_of(0, (1, 1))
    (lookup,) = fields_of(plan, Lookup)
    written = next(call.output for call in plan.calls if call.kernel == "pointwise")
    assert isinstance(lookup, Lookup)
    assert written is not None
    assert (lookup.s.buffer, lookup.s_row) == (written.offset.buffer, written.row)
    assert written.top == written.bottom == written.left == 1


@pytest.mark.parametrize(("strides", "phases"), [((2, 2), 4), ((3, 1), 3), ((1, 4), 3)])
def test_a_stride_has_as_many_phases_as_taps_fall_on(strides: tuple[int, int], phases: int) -> None:
    split = next(fields for fields in fields_of(plan_of(0, strides), SpaceToDepth) if fields.phases > 1)  # type: ignore[attr-defined]
    assert isinstance(split, SpaceToDepth)
    assert (split.phases, split.stride_h, split.stride_w) == (phases, *strides)


def test_s_has_a_plane_for_every_atom_and_as_many_columns_as_windows_reach() -> None:
    (dictionary,) = fields_of(plan_of(7, (1, 1)), Dictionary)
    assert isinstance(dictionary, Dictionary)
    assert (dictionary.k, dictionary.m) == (7, 4)
    assert dictionary.columns == 10 * dictionary_row(plan_of(7, (1, 1))) + 16


def dictionary_row(plan: Plan) -> int:
    (lookup,) = fields_of(plan, Lookup)
    assert isinstance(lookup, Lookup)
    return lookup.s_row


@pytest.mark.parametrize(
    ("size", "kernel"), [((6, 6), "conv"), ((6, 8), "dictionary_direct"), ((40, 41), "dictionary_direct")]
)
def test_without_a_blas_few_columns_let_atoms_be_lanes(size: tuple[int, int], kernel: str) -> None:
    """36 columns would fill two vectors of 16 and a quarter of one."""
    network = Network((*size, 4), seeded("few columns", size), k=20)
    network.add("lookup_conv2d", filters=5, kernel_size=(1, 1))
    plan = Plan(network.graph(), network.tensors, multiplied=(), machine=Machine(blas=False))
    assert [call.kernel for call in plan.calls if plan.steps[call.step].op == "S = D X"] == [
        kernel if capabilities(choose_variant()).width == 16 else "dictionary_direct"
    ]
