"""What one lookup and one atom of a layer cost, in the unit that a budget is counted in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LayerCost:
    """The cost of a lookup layer: `entry` for every lookup, `atom` for every row of D that is used.

    `whole` is what the dense equivalent of the layer costs: shares are of the sum of these.
    """

    entry: float
    atom: float
    whole: float

    def __post_init__(self) -> None:
        values = (self.entry, self.atom, self.whole)
        if not all(math.isfinite(value) for value in values) or self.entry <= 0 or self.atom < 0 or self.whole <= 0:
            raise ValueError(
                f"LayerCost: expected finite numbers, entry and whole over 0 and atom at least 0; found {self}"
            )


CostOf = Callable[[Any], LayerCost]


def in_lookups(layer: Any) -> LayerCost:
    """Count lookups alone: 1 each, an atom nothing, of the entries of P. `layer` is a built lookup layer."""
    return LayerCost(1, 0, math.prod(layer.P.shape))


def in_multiplications(layer: Any) -> LayerCost:
    """Count the multiplications of one input: a lookup's at every position of the output, an atom's m at each of S.

    So an entry of AlexNet's conv1 costs 3,025 and one of its fc7 costs 1. Raises ValueError for a layer that has no
    input of a known size.
    """
    try:
        source, made = layer.input.shape, layer.output.shape
        positions, of_S = math.prod(made[1:-1]), math.prod(layer.padded_size(source))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"layer {layer.name}: expected one input of a known height and width, to count its multiplications; begin "
            "the model with keras.Input of such a shape, or give costs by a function of the layer"
        ) from error
    m, taps, n = source[-1], math.prod(layer.P.shape[:-2]), layer.P.shape[-1]
    return LayerCost(positions, 0 if layer.D is None else of_S * m, positions * taps * m * n)


COSTS: dict[str, CostOf] = {"lookups": in_lookups, "multiplications": in_multiplications}


def cost_function(of: str | CostOf) -> CostOf:
    """Find the cost of a layer by the name of its unit; a function of the layer is one already."""
    if callable(of):
        return of
    if of not in COSTS:
        raise ValueError(f"of: expected {', '.join(COSTS)} or a function of the layer; found {of!r}")
    return COSTS[of]
