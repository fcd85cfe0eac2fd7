"""What one lookup and one atom of a layer cost, in the unit that a budget is counted in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LayerCost:
    """The cost of a lookup layer: `entry` for every lookup, `atom` for every row of D that is used, and `fixed`.

    `whole` is what the dense equivalent of the layer costs: shares are of the sum of these.
    """

    entry: float
    atom: float
    whole: float
    fixed: float = 0.0

    def __post_init__(self) -> None:
        values = (self.entry, self.atom, self.whole, self.fixed)
        positive = min(self.entry, self.whole) > 0 and min(self.atom, self.fixed) >= 0
        if not all(math.isfinite(value) for value in values) or not positive:
            raise ValueError(
                f"LayerCost: expected finite numbers, entry and whole over 0, atom and fixed at least 0; found {self}"
            )


CostOf = Callable[[Any], LayerCost]
Calls = Sequence[tuple[tuple[Any, ...], ...]]


def in_lookups(layer: Any) -> LayerCost:
    """Count lookups alone: 1 each, an atom nothing, of the entries of P. `layer` is a built lookup layer."""
    return LayerCost(1, 0, math.prod(layer.P.shape))


def in_multiplications(layer: Any, calls: Calls = ()) -> LayerCost:
    """Count the multiplications of one input: a lookup's at every position of the output, an atom's m at each of S.

    So an entry of AlexNet's conv1 costs 3,025 and one of its fc7 costs 1. `calls`: the shapes of input and output,
    without the batch, of each call of the layer, where a model knows them. Raises ValueError for a layer that has no
    input of a known size.
    """
    shapes = shapes_of(layer, calls, "multiplications")
    positions = sum(math.prod(made[:-1]) for _, made in shapes)
    of_S = sum(math.prod(layer.padded_size((None, *source))) for source, _ in shapes)
    m, taps, n = shapes[0][0][-1], math.prod(layer.P.shape[:-2]), layer.P.shape[-1]
    return LayerCost(positions, 0 if layer.D is None else of_S * m, positions * taps * m * n)


def shapes_of(layer: Any, calls: Calls, unit: str) -> Calls:
    """Find the shapes of input and output of each call of a layer, by itself where `calls` has none.

    Raises ValueError, with the `unit` that they are for, where sizes are open.
    """
    try:
        shapes = calls or [(layer.input.shape[1:], layer.output.shape[1:])]
        if not any(size is None for call in shapes for shape in call for size in shape):
            return shapes
    except (AttributeError, TypeError, ValueError):
        pass
    raise ValueError(
        f"layer {layer.name}: expected one input of a known height and width, to count its {unit}; begin the model "
        "with keras.Input of such a shape, or give costs by a function of the layer"
    )
