"""How a value from outside is shown in a message."""

from __future__ import annotations

from typing import Any

import pytest

from lcnn_engine.utils.messages import shown


@pytest.mark.parametrize("value", [3, -0.5, "text", (1, 2), [1, [2]], {"a": 1}, None, True])
def test_short_values_as_they_are(value: Any) -> None:
    assert shown(value) == repr(value)


@pytest.mark.parametrize("value", ["x" * 10**6, list(range(10**5)), {i: i for i in range(10**4)}, [[[[[[1]]]]]] * 50])
def test_long_values_cut_short(value: Any) -> None:
    assert len(shown(value)) <= 243
    assert "..." in shown(value)


def test_integers_that_python_does_not_print() -> None:
    assert shown(10**5000) == "an integer of 16610 bits"
