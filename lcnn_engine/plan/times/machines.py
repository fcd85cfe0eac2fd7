"""Classes of machines, and what each kernel's amounts take on them: ``machines.json``, which the fit writes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["TABLE", "Times", "nearest", "read_table", "second_level_cache", "times_of"]

TABLE = Path(__file__).parent / "machines.json"


class Times(NamedTuple):
    """What was fitted for one class of machine: nanoseconds of each amount of each kernel.

    ``name``: the processor it was fitted on; ``near``, ``shared``: bytes of its second-level cache and of the shared
    one; ``activations``: more for each value of a result, where its activation takes time.
    """

    name: str
    variant: str
    near: int
    shared: int
    kernels: Mapping[str, Mapping[str, float]]
    activations: Mapping[str, float]


def read_table(path: Path = TABLE) -> list[dict[str, Any]]:
    """Read the classes, as ``machines.json`` has them."""
    classes: list[dict[str, Any]] = json.loads(path.read_text())["classes"]
    return classes


def second_level_cache() -> int:
    """Ask the system for the bytes of the second-level cache; 0 where it does not say."""
    try:
        return max(0, os.sysconf("SC_LEVEL2_CACHE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return 0


def nearest(classes: list[Times], variant: str, near: int) -> Times:
    """Choose the class of ``variant`` whose second-level cache is the closest to ``near`` bytes (0: unknown).

    Where no class has that variant, one of the last variant, which every machine runs; of two as close, the first.
    """
    same = [one for one in classes if one.variant == variant]
    known = same or [one for one in classes if one.variant == classes[-1].variant]
    return min(known, key=lambda one: abs(math.log2(one.near / near)) if near else 0.0)


@lru_cache(maxsize=16)
def times_of(variant: str) -> Times:
    """Give the times of kernels of ``variant`` on the nearest class to this machine."""
    return nearest([Times(**_known(one)) for one in read_table()], variant, second_level_cache())


def _known(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in Times._fields}
