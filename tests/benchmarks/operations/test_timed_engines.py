"""Both engines with the times of their own kernels."""

from __future__ import annotations

import pytest

pytest.importorskip("onnxruntime")

from benchmarks.operations.cases import all_cases
from benchmarks.operations.timed_engines import OnnxRuntime, Ours, belongs


def test_kernels_belong_to_their_node_only() -> None:
    assert all(belongs(kernel, ["op1"]) for kernel in ("op1", "op1_nchwc", "op1.act", "op1.act/QuickGeluFusion/"))
    assert not any(belongs(kernel, ["op1"]) for kernel in ("op10", "op", "prelude", "op10_nchwc"))


def test_a_case_measures_the_operation_alone() -> None:
    """Both engines run the operation as often as the case says, and our seconds are those of its steps."""
    case = next(case for case in all_cases() if case.group == "activation" and "silu 14" in case.title)
    graph, tensors = case.build(3)
    assert [node.name for node in graph.nodes] == ["prelude", "op0", "op1", "op2"]
    ours = Ours(graph, tensors, case.image())
    found = ours.run_timed(["op1"])
    total, step = ours.seconds.sum(), ours.seconds[[s.name for s in ours.plan.steps].index("op1")]
    assert 0 < found == pytest.approx(step)
    assert step < total
    theirs = OnnxRuntime(graph, tensors, case.image(), profiled=True)
    theirs.run()
    theirs.run()
    seconds, kernels = theirs.profile(["op1", "op2"])
    assert kernels == 2
    assert seconds.shape == (2,)


def test_no_layer_of_a_chain_is_optimized_away() -> None:
    for case in (case for case in all_cases() if case.copies and min(case.shape[:2]) <= 14):
        session = OnnxRuntime(*case.build(3), case.image(), profiled=True)
        session.run()
        kernels = [kernel.split()[0] for kernel in session.kernels()]
        assert all(any(belongs(kernel, [name]) for kernel in kernels) for name in ("op0", "op1", "op2")), case.title
