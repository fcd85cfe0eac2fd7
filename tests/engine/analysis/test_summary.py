"""The table of a network: a line for every node, totals, and what it says of preprocessing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lcnn_engine.analysis.cost import cost_of, totals
from lcnn_engine.analysis.summary import COLUMNS, cells, summarize, total_cells
from lcnn_engine.model.graph import Preprocessing, Resize
from tests.helpers.networks import small_classifier


def summary(**changes: object) -> str:
    graph, tensors = small_classifier()
    return summarize(replace(graph, **changes), cost_of(graph, tensors), 12_345)


def test_a_line_for_every_node() -> None:
    lines = summary().splitlines()
    names = [line.split()[0] for line in lines if line]
    assert lines[0] == "small-classifier: 12 nodes, 12,345 bytes"
    assert [name for name in names if name in small_classifier()[0].by_name] == list(small_classifier()[0].by_name)
    assert "total" in names
    assert lines[-1].startswith("Mmul: millions of multiplications")
    assert "Ratio: " in lines[-1]


def test_cells_fit_the_columns() -> None:
    graph, tensors = small_classifier()
    costs = cost_of(graph, tensors)
    assert {len(cells(cost)) for cost in costs} == {len(total_cells(totals(costs)))} == {len(COLUMNS)}


@pytest.mark.parametrize(
    ("preprocessing", "line"),
    [
        (None, "takes arrays only, as it says nothing of preprocessing"),
        (Preprocessing("L", (0.5,), (2.0,)), "L, (x * 1 - [0.5]) / [2]"),
        (
            Preprocessing("L", (0.0,), (1.0,), 0.25, Resize("shortest_edge", 20, "box"), "center"),
            "L, resize to shortest edge 20 (box), crop center, (x * 0.25 - [0]) / [1]",
        ),
    ],
)
def test_preprocessing(preprocessing: Preprocessing | None, line: str) -> None:
    assert line in summary(preprocessing=preprocessing)


def test_names_from_outside_do_not_steer_the_terminal() -> None:
    assert summary(name="\x1b[2J").startswith("\\x1b[2J: ")
