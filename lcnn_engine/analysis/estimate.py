"""What a network takes on one core of this machine, predicted from its plan: nothing is run and nothing packed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..model.graph import Graph
from ..plan import Plan, planned
from ..plan.calls import Step
from ..plan.choosing import LOOKUPS, MULTIPLIED_OUT, choices
from ..plan.times.machines import Times, times_of
from ..plan.times.predicting import predicted_steps
from .timings import LayerChoice

__all__ = ["estimated_nodes", "estimated_steps", "layer_choices"]


def estimated_steps(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    *,
    variant: str | None = None,
    precision: str = "float32",
    times: Times | None = None,
) -> tuple[Sequence[Step], list[float]]:
    """Predict the seconds of every step of the plan of a network that has been checked.

    ``variant``: default the one in use; ``times``: of a class of machine, default the nearest to this one.
    """
    one = planned(graph, tensors, variant=variant, precision=precision)
    return one.lowered.steps, predicted_steps(one.lowered, one.able, times or times_of(one.variant))


def estimated_nodes(
    graph: Graph, tensors: Mapping[str, np.ndarray], *, variant: str | None = None, precision: str = "float32"
) -> dict[str, float]:
    """Predict the milliseconds of every node, in the order of the graph, and first of its input, laid out for them.

    A node that runs as a part of another one, or that a plan leaves out, takes 0.
    """
    found = dict.fromkeys((graph.input.name, *graph.by_name), 0.0)
    for step, seconds in zip(*estimated_steps(graph, tensors, variant=variant, precision=precision), strict=True):
        found[step.name] += 1e3 * seconds
    return found


def layer_choices(graph: Graph, tensors: Mapping[str, np.ndarray], plan: Plan) -> tuple[LayerChoice, ...]:
    """Say how ``plan``, of the network's output, computes each lookup layer, and what each way is predicted to take."""
    one = planned(graph, tensors, variant=plan.variant, precision=plan.precision, multiplied=())
    times = times_of(plan.variant)
    found = choices(one.network[0], one.lowered, one.able, None, plan.precision, times, every=True)
    return tuple(
        LayerChoice(
            one.name,
            MULTIPLIED_OUT if one.name in plan.multiplied else LOOKUPS,
            {LOOKUPS: one.lookups, **({} if one.multiplied_out is None else {MULTIPLIED_OUT: one.multiplied_out})},
        )
        for one in found
    )
