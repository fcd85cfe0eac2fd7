"""From a share of a model's multiplications, or from milliseconds, to the target of gradual sparsity."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lcnn_engine.analysis.cost import cost_of, totals
from lcnn_train.convert.compression.measuring import milliseconds_of
from lcnn_train.convert.conversion import lookup_model, lookup_report
from lcnn_train.errors import ConfigError
from lcnn_train.export.model_file import export
from lcnn_train.export.network import load_network
from lcnn_train.layers.sparsity import lookup_layers
from lcnn_train.training.gradual.pruner import GradualSettings, Pruner

_FEW_CHANNELS = 4  # of a first convolution that is left dense: it is cheap, and every later layer sees what it loses
_HALVINGS = 8  # of the range of budgets, by logarithm: the last two are some 2% apart


@dataclass(frozen=True)
class Converted:
    """A model with lookup layers without dictionaries in it, and what of its multiplications these make up.

    whole: multiplications of the dense model. of_layers: those of its lookup layers' dense equivalents. least: what the
    lookup layers cost at least.
    """

    model: keras.Model
    whole: float
    of_layers: float
    least: float

    def target(self, budget: float) -> float:
        """Return the share of `of_layers` that a share of the whole leaves them, which may be none."""
        return min(1.0, (budget * self.whole - (self.whole - self.of_layers)) / self.of_layers)

    @property
    def nearest(self) -> float:
        """The least budget that can be reached, rounded up to four digits."""
        return math.ceil((self.whole - self.of_layers + self.least) / self.whole * 1e4) / 1e4


def conversions(model: keras.Model, groups_of: int) -> list[Converted]:
    """Put lookup layers into a model: one with the first convolution of an image left dense, then one without.

    Raises ConfigError for a model in which no layer can become one, with the reasons; and as lookup_model and export do
    for models that they do not take.
    """
    whole = totals(cost_of(*load_network(model)))["dense"]
    skips = dict.fromkeys([tuple(first_convolution(model)), ()])
    found = [converted for skip in skips if (converted := _converted(model, whole, groups_of, skip)) is not None]
    if not found:
        raise ConfigError(
            f"compress: expected layers of {model.name} that can become lookup layers; found {_why(model)}"
        )
    return found


def within_budget(model: keras.Model, found: Sequence[Converted], budget: float) -> Converted:
    """Choose the first conversion that a budget leaves room for. Raises ConfigError, with the nearest that does."""
    for converted in found:
        if budget >= converted.nearest:
            return converted
    raise ConfigError(
        f"budget: expected a share of {model.name}'s multiplications that leaves a lookup for each filter and what "
        f"its other layers make; found {budget}, the nearest is {found[-1].nearest:.4f}"
    )


def first_convolution(model: keras.Model) -> list[str]:
    """Name the convolution of the image itself, if that has few channels; an empty list if there is none."""
    weighted = [
        layer for layer in model._flatten_layers(include_self=False) if len(getattr(layer, "kernel_size", ())) == 2
    ]
    first = weighted[0] if weighted else None
    channels = model.inputs[0].shape[-1]
    return [first.name] if isinstance(first, keras.layers.Conv2D) and channels <= _FEW_CHANNELS else []


def _converted(model: keras.Model, whole: float, groups_of: int, skip: Sequence[str]) -> Converted | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no layer was replaced is said in our words
        lookups = _lookups(model, groups_of, skip)
    if not lookup_layers(lookups):
        return None
    pruner = Pruner(lookups, GradualSettings(1.0, end=1))
    return Converted(lookups, whole, pruner.whole, pruner.least)


def _lookups(model: keras.Model, groups_of: int, skip: Sequence[str]) -> keras.Model:
    try:
        return lookup_model(model, None, l1=0.0, threshold=0.0, groups_of=groups_of, skip=skip)
    except ValueError as error:
        raise ConfigError(f"compress: {error}") from error


def _why(model: keras.Model) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = lookup_report(_lookups(model, 1, []))
    return "; ".join(f"{layer.name}: {layer.why}" for layer in report.layers) or "no layer with a kernel"


def within_time(
    found: Sequence[Converted], wanted: float, dense: float, image: np.ndarray
) -> tuple[Converted, float, float]:
    """Find the largest budget with which a prediction takes `wanted` milliseconds; of what, it, and what it takes.

    By bisection: a model is pruned at once to a budget, by magnitude, exported, and measured on `image`, what the
    network takes. Training will choose other lookups, but as many of each layer or nearly so. `dense` is what the model
    takes as it is. Raises ConfigError where that is less already, and where no budget is small enough.
    """
    if wanted >= dense:
        raise ConfigError(
            f"milliseconds: expected less than {dense:.4g}, what the model takes as it is; found {wanted:g}"
        )
    for converted in found:
        fastest = time_at(converted, converted.nearest, image)
        if fastest <= wanted:
            return (converted, *_bisect(converted, wanted, fastest, image))
    raise ConfigError(
        f"milliseconds: expected at least {fastest:.4g}, measured at the least budget, {converted.nearest:.4f}; found "
        f"{wanted:g}"
    )


def _bisect(converted: Converted, wanted: float, fastest: float, image: np.ndarray) -> tuple[float, float]:
    """The largest budget within a time, where the least takes `fastest`; it and what it takes."""
    low, high = converted.nearest, 1.0
    best = (low, fastest)
    for _ in range(_HALVINGS):
        budget = math.sqrt(low * high)
        taken = time_at(converted, budget, image)
        if taken <= wanted:
            best, low = (budget, taken), budget
        else:
            high = budget
    return best


def time_at(converted: Converted, budget: float, image: np.ndarray) -> float:
    """Measure the milliseconds of a prediction with a budget; the model is as it was afterwards."""
    target = max(converted.target(budget), converted.least / converted.of_layers)
    return _pruned(converted.model, target, lambda: _exported_time(converted.model, image))


def _exported_time(model: keras.Model, image: np.ndarray) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pruned.safetensors"
        export(model, path)
        return milliseconds_of(path, image)


def _pruned(model: keras.Model, target: float, measure: Callable[[], float]) -> float:
    """What `measure` gives while the model is pruned to a target."""
    layers: list[Any] = lookup_layers(model)
    before = [[keras.ops.convert_to_numpy(v).copy() for v in (layer.P, layer.alive)] for layer in layers]
    try:
        Pruner(model, GradualSettings(target, end=1)).prune(1)
        return measure()
    finally:
        for layer, (P, alive) in zip(layers, before, strict=True):
            layer.P.assign(P)
            layer.alive.assign(alive)
