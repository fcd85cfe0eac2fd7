"""Which lookup layers are multiplied out: by what they are predicted to take either way, on this class of machine.

A choice depends on the file, the precision, the variant and the class of machine, never on a measurement. It is made
where it gains more than the predictions are usually off.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from ..kernels import Capabilities
from ..model.graph import Graph, Input, Node
from ..model.operations import Flatten
from .lower.network import lower
from .lowering import Lowered
from .machine import Machine
from .multiplying import dense_layer, dense_shape, is_lookup
from .times.machines import Times
from .times.predicting import predicted_steps, resident_bytes

__all__ = ["LOOKUPS", "MULTIPLIED_OUT", "Choice", "choices"]

LOOKUPS, MULTIPLIED_OUT = "lookups", "multiplied out"
PACKED = {"float32": 1, "bfloat16": 2, "int8": 4}  # multiplications of a lane at once


class Choice(NamedTuple):
    """A lookup layer, how it is computed, and the seconds that each way is predicted to take.

    A way that cannot be the faster one, whatever its blocking, has None.
    """

    name: str
    chosen: str
    lookups: float
    multiplied_out: float | None


def choices(
    graph: Graph,
    lowered: Lowered,
    able: Capabilities,
    machine: Machine | None,
    precision: str,
    times: Times,
    *,
    every: bool = False,
) -> list[Choice]:
    """Choose for every lookup layer of a network, which has been folded and ``lowered`` with lookups.

    ``every``: predict the other way also where it cannot be faster.
    """
    machine = machine or Machine()
    layers = [node for node in graph.nodes if is_lookup(node)]
    names = {step.name for step in lowered.steps}
    layers = [node for node in layers if node.name in names]
    if not layers:
        return []
    resident = resident_bytes(lowered, set())
    seconds = dict.fromkeys(names, 0.0)
    for step, one in zip(
        lowered.steps, predicted_steps(lowered, able, times, resident=resident, halves=set()), strict=True
    ):
        seconds[step.name] += one
    found = []
    for node in layers:
        own = seconds[node.name] + (seconds.get(graph.input.name, 0.0) if node.inputs[0] == graph.input.name else 0.0)
        other = None
        if every or _least(graph, node, able, precision, times) < machine.multiplied_gain * own:
            other = _multiplied(graph, node, able, machine, precision, times, resident)
        faster = other is not None and other < machine.multiplied_gain * own
        found.append(Choice(node.name, MULTIPLIED_OUT if faster else LOOKUPS, own, other))
    return found


def _least(graph: Graph, node: Node, able: Capabilities, precision: str, times: Times) -> float:
    """Say what the multiplications of the dense layer take at least."""
    kernels = [name for name in ("conv", "conv_bf16", "conv_int8", "conv_patches") if name in times.kernels]
    each = min(times.kernels[name].get("multiply", 0.0) for name in kernels)
    made = prod(graph.shapes[node.name][:-1]) * prod(dense_shape(graph, node))
    return 1e-9 * made * each / (able.width * PACKED[precision])


def _multiplied(
    graph: Graph, node: Node, able: Capabilities, machine: Machine, precision: str, times: Times, resident: float
) -> float:
    """Predict the seconds of the dense layer, alone in a network that goes through ``resident`` bytes."""
    source = graph.shapes[node.inputs[0]]
    vector = len(source) == 1
    image = Input("image", (1, 1, source[0]) if vector else (source[0], source[1], source[2]))
    dense = dense_layer(node)
    flatten = (Flatten(name="vector", inputs=("image",)),) if vector else ()
    name = "layer"
    layer = type(dense)(name=name, inputs=("vector" if vector else "image",), **dense.attributes())
    alone = Graph("alone", image, name, (*flatten, layer))
    weights = np.broadcast_to(np.float32(0), dense_shape(graph, node))  # no memory: only their shape matters
    lowered = lower(alone, {f"{name}/kernel": weights}, [name], able, machine, precision)
    seconds = predicted_steps(lowered, able, times, resident=resident, halves=set())
    laid_out = node.inputs[0] == graph.input.name
    return sum(
        one
        for step, one in zip(lowered.steps, seconds, strict=True)
        if step.op != "output" and (step.name == name or laid_out)
    )
