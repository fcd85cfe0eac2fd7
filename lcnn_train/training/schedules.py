"""Learning rates by step."""

from __future__ import annotations

from typing import Any, TypeAlias

import keras
from keras import ops

from lcnn_train.config.training import LearningRate

Schedule: TypeAlias = keras.optimizers.schedules.LearningRateSchedule


def learning_rate(settings: LearningRate, epochs: int, steps: int, replicas: int = 1) -> Schedule | float:
    """Make the rate of an optimizer that takes `steps` steps in each of `epochs` epochs, on `replicas` replicas.

    A float if it never changes; otherwise a function of the step, counted from 0.
    """
    rate = _base(settings, epochs, steps)
    full = float(replicas) if settings.scale_by_replicas else 1.0
    warmup_steps = round(settings.warmup_epochs * steps)
    if warmup_steps and settings.warmup_start != full:
        return WarmUp(rate, settings.warmup_start, full, warmup_steps)
    if full == 1:
        return rate
    return Scaled(rate, full) if callable(rate) else rate * full


def _base(settings: LearningRate, epochs: int, steps: int) -> Schedule | float:
    schedules = keras.optimizers.schedules
    if settings.schedule == "cosine":
        return schedules.CosineDecay(settings.initial, epochs * steps, alpha=settings.final / settings.initial)
    if settings.schedule == "piecewise":
        # A boundary is the last step of the rate before it.
        boundaries = [(epoch - 1) * steps - 1 for epoch in settings.epochs[1:]]
        return schedules.PiecewiseConstantDecay(boundaries, settings.rates)
    if settings.schedule == "step":
        return schedules.ExponentialDecay(settings.initial, settings.every * steps, settings.factor, staircase=True)
    return settings.initial


class Scaled(Schedule):
    """A schedule times a number."""

    def __init__(self, rate: Schedule | float, full: float):
        self.rate, self.full = rate, full

    def __call__(self, step: Any) -> Any:
        rate = self.rate(step) if callable(self.rate) else self.rate
        return ops.multiply(rate, self.multiplier(step))

    def multiplier(self, step: Any) -> Any:
        """Return what the rate of a step is multiplied by."""
        return self.full

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate, "full": self.full}


class WarmUp(Scaled):
    """A schedule times a number that grows evenly from `start` to `full` in `steps` steps (Goyal et al., 2017)."""

    def __init__(self, rate: Schedule | float, start: float, full: float, steps: int):
        super().__init__(rate, full)
        self.start, self.steps = start, steps

    def multiplier(self, step: Any) -> Any:
        share = ops.minimum(ops.cast(step, keras.config.floatx()) / self.steps, 1.0)
        return self.start + (self.full - self.start) * share

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": self.start, "steps": self.steps}
