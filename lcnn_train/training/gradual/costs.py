"""What one lookup and one atom of a layer cost, in the unit that a budget is counted in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lcnn_train.training.gradual.times import predicted


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
    shapes = _shapes(layer, calls)
    positions = sum(math.prod(made[:-1]) for _, made in shapes)
    of_S = sum(math.prod(layer.padded_size((None, *source))) for source, _ in shapes)
    m, taps, n = shapes[0][0][-1], math.prod(layer.P.shape[:-2]), layer.P.shape[-1]
    return LayerCost(positions, 0 if layer.D is None else of_S * m, positions * taps * m * n)


def in_milliseconds(layer: Any, calls: Calls = ()) -> LayerCost:
    """Count the milliseconds of one input on one core of this machine, as the engine predicts them; see ``times``.

    `calls` and errors are those of `in_multiplications`.
    """
    return LayerCost(*predicted(layer, _shapes(layer, calls)))


def _shapes(layer: Any, calls: Calls) -> Calls:
    """The shapes of input and output, without the batch, of each call; of a layer by itself, its only one's."""
    try:
        shapes = calls or [(layer.input.shape[1:], layer.output.shape[1:])]
        sizes = [math.prod(shape) for call in shapes for shape in call]
    except (AttributeError, TypeError, ValueError):
        sizes = []
    if not sizes:
        raise ValueError(
            f"layer {layer.name}: expected one input of a known height and width, to count what it costs; begin the "
            "model with keras.Input of such a shape, or give costs by a function of the layer"
        )
    return shapes


_OF_CALLS = {"multiplications": in_multiplications, "milliseconds": in_milliseconds}
COSTS: dict[str, CostOf] = {"lookups": in_lookups, **_OF_CALLS}


def cost_function(of: str | CostOf, calls: Mapping[Any, Calls] | None = None) -> CostOf:
    """Find the cost of a layer by the name of its unit; a function of the layer is one already.

    `calls`: the shapes of each call of each layer, as of `in_multiplications`.
    """
    if callable(of):
        return of
    if of not in COSTS:
        raise ValueError(f"of: expected {', '.join(COSTS)} or a function of the layer; found {of!r}")
    if of in _OF_CALLS and calls is not None:
        return lambda layer: _OF_CALLS[of](layer, calls.get(layer, ()))
    return COSTS[of]
