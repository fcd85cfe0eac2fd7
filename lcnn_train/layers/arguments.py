"""Checks of a layer's arguments: each returns the value in its plain form or raises ValueError."""

from __future__ import annotations

import math
from typing import Any

from lcnn_train.layers.geometry import Padding


def positive(name: str, value: Any) -> int:
    if not _is_count(value) or value.__index__() < 1:
        raise ValueError(f"{name} must be an integer of at least 1. Received: {name}={value!r}")
    return value.__index__()


def one_of(name: str, value: Any, known: tuple[int, ...]) -> int:
    if positive(name, value) not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(str, known))}. Received: {name}={value!r}")
    return value.__index__()


def not_negative(name: str, value: Any) -> float:
    if isinstance(value, bool) or not hasattr(value, "__float__") or not 0 <= float(value) < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0. Received: {name}={value!r}")
    return float(value)


def pair(name: str, value: Any) -> tuple[int, int]:
    values = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} must be one integer or two. Received: {name}={value!r}")
    return positive(name, values[0]), positive(name, values[1])


def padding_of(value: Any) -> Padding:
    if isinstance(value, str) and value.lower() in ("valid", "same"):
        return value.lower()
    if isinstance(value, list | tuple) and len(value) == 4 and all(_is_count(v) for v in value):
        top, bottom, left, right = (v.__index__() for v in value)
        return top, bottom, left, right
    raise ValueError(
        'padding must be "valid", "same" or four integers of at least 0 (top, bottom, left, right). '
        f"Received: padding={value!r}"
    )


def _is_count(value: Any) -> bool:
    return not isinstance(value, bool) and hasattr(value, "__index__") and value.__index__() >= 0
