"""Limits of a core that are round numbers."""

from __future__ import annotations

from benchmarks.roofline.limits import Limits

SIZES = {"L1": 100.0, "L2": 1000.0, "L3": 10000.0, "memory": float("inf")}
RATES = {"float32": 1e9, "bfloat16": 2e9, "int8": 4e9}
LIMITS = Limits(RATES, SIZES, {"L1": 8e9, "L2": 4e9, "L3": 2e9, "memory": 1e9})
