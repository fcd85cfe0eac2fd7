"""Profiles that were made up."""

from __future__ import annotations

from lcnn_engine.analysis.profile import Profile, ProfileStep
from lcnn_engine.plan.calls import StepKind


def made_up(
    seconds: float, dense: float | None = None, name: str = "net", layer: str = "conv", count: int = 1
) -> Profile:
    """Make a profile of ``count`` steps of a lookup layer, and perhaps of a dense one."""
    step = ProfileStep(layer, "lookup_conv2d", "lookup 13x16", seconds / count, 10, StepKind.LOOKUP_TILE)
    other = None if dense is None else [ProfileStep(layer, "conv2d", "conv 64", dense, 100, StepKind.CONV)]
    return Profile(name, "scalar", 1, 5, [step] * count, (layer,), other)
