"""Means and their intervals, and the figure."""

import math

import numpy as np
import pytest

from lcnn_train.training.transfer.reporting import Mean, draw, write_json


def test_the_interval_is_students():
    """Of 4 values: 3.1824 times the standard error (tables of Student's distribution, 3 degrees of freedom)."""
    found = Mean.of([0.1, 0.2, 0.3, 0.6])
    assert found.mean == pytest.approx(0.3)
    assert found.half == pytest.approx(3.1824 * np.std([0.1, 0.2, 0.3, 0.6], ddof=1) / 2, rel=1e-4)
    assert str(Mean(0.5, 0.0123, 4)) == "50.00% ± 1.23"
    assert Mean(-0.01, 0.002, 4).points() == "-1.00 ± 0.20"


def test_a_single_value_has_no_interval():
    assert math.isnan(Mean.of([0.4]).half)


def test_the_figure_and_the_numbers(tmp_path):
    lines = {"a": [Mean.of([0.1, 0.3]), Mean.of([0.4])], "b": [Mean.of([0.2, 0.2]), Mean.of([0.5, 0.6])]}
    assert draw(tmp_path / "a.png", (1, 2), lines, ("shots", "title"))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    write_json(tmp_path / "a.json", {"a": 1})
    assert (tmp_path / "a.json").read_text() == '{\n "a": 1\n}\n'
