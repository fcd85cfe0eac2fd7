"""What the commands are made of: aligned text, and the measure of a difference."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.cli.verify import relative_difference
from lcnn_engine.utils.text import complain, message_of, printable, table


@pytest.mark.parametrize(
    ("found", "expected", "difference"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.5], [1.0, 2.0], 0.25),
        ([-3.0, 0.0], [-4.0, 0.0], 0.25),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([0.0, 1e-9], [0.0, 0.0], np.inf),
        ([np.nan, 1.0], [0.0, 1.0], np.inf),
        ([0.0, 1.0], [np.nan, 1.0], np.inf),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.inf, 1.0], [np.inf, 1.5], 0.5 / 1.5),
        ([np.inf, 1.0], [-np.inf, 1.0], np.inf),
    ],
)
def test_relative_difference(found: list[float], expected: list[float], difference: float) -> None:
    arrays = (np.array(values, np.float32) for values in (found, expected))
    assert relative_difference(*arrays) == pytest.approx(difference, rel=1e-6)


def test_tables_are_aligned() -> None:
    assert table(("a", "b", "c"), [("x", "1", "22"), ("longer", "10", "")], left=1) == (
        "a        b   c\nx        1  22\nlonger  10"
    )


def test_printable() -> None:
    assert printable("a\nb\x1b\udcff é") == "a\\nb\\x1b\\udcff é"


def test_complaints_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("one\ntwo   three\r")
    assert capsys.readouterr().err == "lcnn: error: one two three\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError(2, "No such file or directory", "a.png"), "a.png: No such file or directory"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("odd"), "odd"),
        (ValueError("wrong"), "wrong"),
    ],
)
def test_message_of(error: Exception, message: str) -> None:
    assert message_of(error) == message
