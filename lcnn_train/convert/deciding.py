"""What lookup_model's `error` and `budget` make of each layer: its dictionary, and how many lookups it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from lcnn_train.convert import budget as budgets
from lcnn_train.convert.gram import Moments
from lcnn_train.convert.samples import SideBySide, kernel_of, steps_of
from lcnn_train.convert.selection import Choice
from lcnn_train.utils.progress import shown

AUTO = "auto"  # what `dictionary` says where each layer's is to be chosen


@dataclass(frozen=True)
class Wanted:
    """What the caller asks of the result: an error of each layer's outputs at most, or a share of the cost of all."""

    error: float | None = None
    budget: float | None = None
    of: str = "multiplications"
    auto: bool = False  # whether dictionaries are chosen too

    def __post_init__(self) -> None:
        if self.of not in ("multiplications", "lookups"):
            raise ValueError(f'of: expected "multiplications" or "lookups", found {self.of!r}')
        if self.error is not None and self.budget is not None:
            raise ValueError("lookup_model: expected error or budget, found both; one of them decides")
        if self.auto and not self.decides:
            raise ValueError(
                f'dictionary: "{AUTO}" needs error=, of a layer\'s outputs, or budget=, a share of the cost of all; '
                "or say k, or None for no dictionary"
            )
        if self.error is not None and not 0 < self.error < 1:
            raise ValueError(f"error: expected a number over 0 and under 1, found {self.error!r}")
        if self.budget is not None and not 0 < self.budget <= 1:
            raise ValueError(f"budget: expected a share over 0 and at most 1, found {self.budget!r}")

    @property
    def decides(self) -> bool:
        return self.error is not None or self.budget is not None


@dataclass(frozen=True)
class Decision:
    """The choices, dictionaries and lookups a tap filled in; `counts` has the lookups of layers by their names."""

    choices: list[Choice]
    counts: dict[str, int] = field(default_factory=dict)


def decide(
    model: keras.Model, choices: Sequence[Choice], wanted: Wanted, samples: list[np.ndarray] | None, seed: int
) -> Decision:
    """Choose a form for each layer that becomes a lookup layer, by its outputs for samples, or by its weights alone.

    Raises ValueError for a budget that cannot be reached, with the nearest that can, and for `lookups_per_tap` besides.
    """
    if not wanted.decides:
        return Decision(list(choices))
    converted = [choice for choice in choices if choice.arguments is not None]
    layers = _layers(model, converted, wanted)
    tables = {
        name: budgets.options(layers[name], moments, seed)
        for name, moments in shown(_moments(model, converted, samples, seed), "comparing", len(converted))
    }
    if wanted.error is not None:
        found = {name: budgets.within(options, wanted.error) for name, options in tables.items()}
    else:
        found = _for_budget(layers, tables, float(wanted.budget or 0))
    counts = {name: option.count for name, option in found.items() if option.count is not None}
    return Decision([_filled_in(choice, found) for choice in choices], counts)


def _layers(model: keras.Model, converted: Sequence[Choice], wanted: Wanted) -> dict[str, budgets.Layer]:
    _, steps = steps_of(model)
    found = {}
    for choice in converted:
        layer, arguments = choice.layer, choice.arguments or {}
        if arguments.get("lookups_per_tap") is not None:
            raise ValueError(
                f"layer {layer.name}: expected lookups_per_tap, or error or budget to choose them; found both"
            )
        W, taps = kernel_of(layer)
        k = arguments["dictionary"]
        sizes = budgets.sizes_of(W.shape[1] // taps, len(W), taps) if wanted.auto else (k,)
        shapes = [step.shapes for step in steps if step.operation is layer]
        found[layer.name] = budgets.Layer(
            layer.name, W, taps, sizes, arguments.get("groups_of", 1), arguments.get("atoms_of", 1),
            *budgets.costs(wanted.of, layer, shapes),
        )  # fmt: skip
    return found


def _moments(
    model: keras.Model, converted: Sequence[Choice], samples: list[np.ndarray] | None, seed: int
) -> Iterator[tuple[str, Moments]]:
    layers = [choice.layer for choice in converted]
    if samples is None:
        for layer in layers:
            yield layer.name, Moments.of_weights(*kernel_of(layer))
    else:
        for layer, moments in SideBySide(model, None, layers, samples, seed).each():
            yield layer.name, moments


def _for_budget(
    layers: dict[str, budgets.Layer], tables: dict[str, list[budgets.Option]], share: float
) -> dict[str, budgets.Option]:
    whole = sum(layer.whole for layer in layers.values())
    found = dict(zip(tables, budgets.for_budget(list(tables.values()), share * whole), strict=True))
    least = sum(option.cost for option in found.values())
    if least > share * whole:
        raise ValueError(
            f"budget: {share} of the cost of these layers cannot be reached; the nearest that can is "
            f"{np.ceil(least / whole * 1e4) / 1e4:.4f}, with the fewest lookups and atoms that were tried"
        )
    return found


def _filled_in(choice: Choice, found: dict[str, budgets.Option]) -> Choice:
    if choice.arguments is None:
        return choice
    option = found[choice.layer.name]
    chosen: dict[str, Any] = {"dictionary": option.dictionary, "lookups_per_tap": option.per_tap}
    return replace(choice, arguments={**choice.arguments, **chosen})
