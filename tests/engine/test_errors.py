"""Every error of the engine can be caught as one, and as the built-in error that it is."""

from __future__ import annotations

import pytest

import lcnn_engine
from lcnn_engine import (
    InputError,
    LcnnError,
    MissingPackageError,
    ModelFormatError,
    NodeNameError,
    SettingError,
    errors,
)


def test_all_are_public() -> None:
    assert set(errors.__all__) <= set(lcnn_engine.__all__)


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (ModelFormatError, (LcnnError, ValueError)),
        (InputError, (LcnnError, ValueError)),
        (SettingError, (LcnnError, ValueError)),
        (MissingPackageError, (LcnnError, ImportError)),
        (NodeNameError, (InputError, KeyError)),
    ],
)
def test_kinds(error: type[LcnnError], kinds: tuple[type[Exception], ...]) -> None:
    assert issubclass(error, kinds[0])
    assert issubclass(error, kinds[1])


def test_a_missing_node_is_named_without_quotes() -> None:
    assert str(NodeNameError("expected one of a, b, got 'c'")) == "expected one of a, b, got 'c'"
    assert str(NodeNameError()) == ""
