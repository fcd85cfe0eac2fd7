"""Intervals, and the page."""

import numpy as np
import pytest

from lcnn_train.convert.compression.report import AFTER, BEFORE, ONNX, LayerRow, Report, change_of, wilson


def test_wilson_by_published_numbers():
    """Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for right, count, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        found = wilson(right, count)
        assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert str(wilson(20, 20)) == "100.00% (83.89 to 100.00)"


def test_a_change_goes_by_the_pairs():
    before, after = np.arange(100) < 90, np.arange(100) < 88
    assert change_of(before, before) == (0, 0, 0)
    mean, low, high = change_of(before, after)
    assert mean == pytest.approx(-0.02)
    assert high - mean == pytest.approx(1.959964 * np.sqrt(0.02 * 0.98 / 100))
    assert low < mean < high


def report(**taken):
    layers = [
        LayerRow("a|b", "conv2d", 10, 5, 7, 100, 50, 2.0, 1.0),
        LayerRow("c", "dense", 1, 1, None, 4, 4, 0.1, 0.1),
    ]
    return Report(
        "net",
        wilson(9, 10),
        wilson(8, 10),
        (-0.1, -0.3, 0.1),
        "images",
        taken,
        (11, 6),
        (104, 54),
        layers,
        3,
        ["A note."],
    )


def test_the_page():
    page = str(report(**{BEFORE: 2.0, AFTER: 1.0, ONNX: 3.0}))
    assert "| ms of one image, one core | 2.000 | 1.000 | 2.0x less |" in page
    assert "| the same in ONNX Runtime | 3.000 |  | 3.0x less |" in page
    assert "-10.00 points (-30.00 to +10.00)" in page
    assert "| a\\|b | conv2d | 0.000 | 0.000 | 7 | 100 | 50 | 2.0 | 1.0 |" in page
    assert "no less time" not in page


def test_a_network_that_became_slower_is_said_to_be():
    page = str(report(**{BEFORE: 1.0, AFTER: 2.0}))
    assert "2.0x more" in page
    assert "It takes no less time than before" in page
    assert "ONNX" not in page
