"""The JSON text of a graph: every rule of it broken alone."""

from __future__ import annotations

import json

import pytest

from lcnn_engine import read_model
from lcnn_engine.format.strict_json import MAX_DEPTH
from tests.helpers.model_files import assert_refused, refusal, unchecked_file, valid_graph, valid_tensors


def graph_text(old: str, new: str) -> str:
    text = json.dumps(valid_graph())
    assert text.count(old) == 1, old
    return text.replace(old, new)


TEXTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "no JSON": ("graph", ("graph: expected JSON, found Expecting value at character 0",)),
    "empty": ("", ("graph: expected JSON, found Expecting value",)),
    "no object": ("[1]", ("graph: expected an object, found [1]",)),
    "two objects": ("{} {}", ("graph: expected JSON, found Extra data",)),
    "byte order mark": ("\ufeff{}", ("graph: expected JSON",)),
    "half a surrogate pair": ('"\ud800"', ("graph: expected UTF-8, found half of a surrogate pair",)),
    "half a surrogate pair, escaped": (
        graph_text('"yes"', '"\\ud800"'), ("labels[1]: expected UTF-8, found half of a surrogate pair",)),
    "key twice": (
        graph_text('"filters": 4, "kernel_size": [3, 3]', '"filters": 4, "filters": 4, "kernel_size": [3, 3]'),
                  ("graph: expected every key once, found 'filters' twice",)),
    "NaN": (graph_text('"alpha": 0.25', '"alpha": NaN'), ("graph: expected finite numbers, found NaN",)),
    "Infinity": (graph_text('"alpha": 0.25', '"alpha": Infinity'), ("graph: expected finite numbers, found Infinity",)),
    "-Infinity": (graph_text('"alpha": 0.25', '"alpha": -Infinity'), ("found -Infinity",)),
    "a float that overflows": (
        graph_text('"alpha": 0.25', '"alpha": 1e999'), ("node 'sum': expected alpha", "found inf")),
    "an integer of 5000 digits": (
        graph_text('"units": 3', '"units": 1' + "0" * 4999), ("integers of at most 64 digits, found one of 5000",)),
    "a negative integer of 5000 digits": (
        graph_text('"units": 3', '"units": -1' + "0" * 4999), ("integers of at most 64 digits",)),
    "a float for an integer": (graph_text('"units": 3', '"units": 3e0'), ("node 'fc': expected units", "found 3.0")),
    "a million lists": ("[" + "[]," * 2**20 + "0]", ("graph: ", "at most 1048576 objects and lists, found 1048577")),
    "nested 65 deep": ("[" * 65 + "]" * 65, ("graph: expected JSON nested at most 64 deep, found 65",)),
    "nested half a million deep": ("[" * 500_000, ("graph: expected JSON nested at most 64 deep, found 500000",)),
    "nested in keys' values half a million deep": ('{"a":' * 500_000, ("at most 64 deep, found 500000",)),
}  # fmt: skip


@pytest.mark.parametrize("rule", TEXTS)
def test_refused(rule: str) -> None:
    text, fragments = TEXTS[rule]
    assert_refused(unchecked_file(text, valid_tensors()), fragments)


def test_brackets_in_strings_are_no_nesting() -> None:
    label = '\\"[' * 100 + "{\\\\"
    text = graph_text('"yes"', f'"{label}"')
    graph, _ = read_model(unchecked_file(text, valid_tensors()))
    assert graph.labels == ("no", json.loads(f'"{label}"'))


def test_nesting_up_to_the_limit_is_left_to_the_rules_of_the_graph() -> None:
    assert "expected an object, found [" in refusal(unchecked_file("[" * MAX_DEPTH + "]" * MAX_DEPTH, {}))
