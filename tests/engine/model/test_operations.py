"""Every operation is everywhere where it has to be; what fails says what is missing, and in which file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.resources import files

import numpy as np
import pytest

from lcnn_engine.model import graph as g
from lcnn_engine.model import operations, reference
from lcnn_engine.model.graph import ACTIVATIONS, NODE_TYPES
from lcnn_engine.plan.lowering import LOWERINGS
from tests.engine.kernels.test_sweep_graphs import RANDOM_OPS
from tests.golden import make_golden
from tests.helpers.one_operation import CASES, network_of

LOOKUPS = {"lookup_conv2d", "lookup_dense"}  # other programs get them written out


def on_the_format_page(names: Iterable[str]) -> set[str]:
    page = (files("lcnn_engine.format") / "MODEL_FORMAT.md").read_text()
    return {name for name in names if f"`{name}`" in page}


def in_onnx() -> set[str]:
    pytest.importorskip("onnx")
    from lcnn_engine.interop.onnx import TRANSLATIONS

    return LOOKUPS | TRANSLATIONS.keys()


TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "the table of lcnn_engine/format/MODEL_FORMAT.md": lambda: on_the_format_page(NODE_TYPES),
    "lcnn_engine/model/reference.py, a function with @_operation": lambda: reference.OPERATIONS,
    "lcnn_engine/plan/lowering.py, LOWERINGS": lambda: LOWERINGS,
    "lcnn_engine/interop/onnx.py, TRANSLATIONS": in_onnx,
    "tests/golden/make_golden.py, graph()": lambda: [node["op"] for node in make_golden.graph()["nodes"]],
    "tests/helpers/one_operation.py, CASES": lambda: [case.split()[0].rstrip(",") for case in CASES],
    "tests/engine/kernels/test_sweep_graphs.py, RANDOM_OPS": lambda: [op for op, _ in RANDOM_OPS],
}
"""Where there must be an entry for each operation, and those that there are."""


@pytest.mark.parametrize("table", TABLES)
def test_every_operation_is_in(table: str) -> None:
    found, wanted = set(TABLES[table]()), set(NODE_TYPES)
    assert not wanted - found, f"{', '.join(sorted(wanted - found))}: missing from {table}"
    assert not found - wanted, f"{', '.join(sorted(found - wanted))}: in {table}, but not in NODE_TYPES"


def test_every_class_with_a_name_is_in_node_types() -> None:
    named = {kind for kind in vars(operations).values() if isinstance(kind, type) and "op" in vars(kind)}
    assert named == set(NODE_TYPES.values()), "lcnn_engine/model/operations.py, NODE_TYPES"


def test_every_operation_can_be_imported_from_graph() -> None:
    assert all(getattr(g, kind.__name__) is kind for kind in NODE_TYPES.values())


def test_every_activation_is_on_the_format_page() -> None:
    missing = set(ACTIVATIONS) - on_the_format_page(ACTIVATIONS)
    assert not missing, f"{', '.join(sorted(missing))}: missing from lcnn_engine/format/MODEL_FORMAT.md, Operations"


@pytest.mark.parametrize("case", CASES)
def test_shape_rule_and_definition_agree(case: str) -> None:
    graph, tensors, x = network_of(case)
    graph.check()
    values = reference.evaluate(graph, tensors, x)
    assert {name: value.shape for name, value in values.items()} == {name: graph.shapes[name] for name in values}
    assert all(value.dtype == np.float32 for value in values.values())
