"""Which function translates which operator of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..calls import Translating
from ..layout import Value

__all__ = ["TRANSLATED", "Translation", "translates"]

Translation: TypeAlias = Callable[[Translating], Value | Sequence[Value]]

TRANSLATED: dict[str, Translation] = {}


def translates(*types: str) -> Callable[[Translation], Translation]:
    """Enter a function in TRANSLATED: it adds nodes of ours, and gives the operator's result or results."""

    def enter(function: Translation) -> Translation:
        TRANSLATED.update(dict.fromkeys(types, function))
        return function

    return enter
