"""The units that a budget is counted in, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lcnn_train.training.gradual.costs import Calls, CostOf, in_lookups, in_multiplications
from lcnn_train.training.gradual.predicted import in_milliseconds

COSTS: dict[str, CostOf] = {
    "lookups": in_lookups,
    "multiplications": in_multiplications,
    "milliseconds": in_milliseconds,
}
_BY_CALLS = {"multiplications": in_multiplications, "milliseconds": in_milliseconds}


def cost_function(of: str | CostOf, calls: Mapping[Any, Calls] | None = None) -> CostOf:
    """Find the cost of a layer by the name of its unit; a function of the layer is one already.

    `calls`: the shapes of each call of each layer, as of `in_multiplications`.
    """
    if callable(of):
        return of
    if of not in COSTS:
        raise ValueError(f"of: expected {', '.join(COSTS)} or a function of the layer; found {of!r}")
    if calls is None or of not in _BY_CALLS:
        return COSTS[of]
    by_calls = _BY_CALLS[of]
    return lambda layer: by_calls(layer, calls.get(layer, ()))
