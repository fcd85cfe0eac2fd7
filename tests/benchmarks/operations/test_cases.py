"""The operations to compare: all of them, each measured alone."""

from __future__ import annotations

from benchmarks.operations.cases import UNTIMED, all_cases
from lcnn_engine.model import graph as g


def test_cases_cover_every_operation_but_lookups() -> None:
    cases = all_cases()
    wanted = set(g.NODE_TYPES) - {"lookup_conv2d", "lookup_dense"}
    assert {case.group for case in cases} == wanted, "benchmarks/operations/cases.py: a case for each"
    assert len({(case.group, case.title) for case in cases}) == len(cases)
    kinds = {case.build(1)[0]["op0"].activation for case in cases if case.group == "activation"}
    assert kinds == set(g.ACTIVATIONS) - set(UNTIMED)
