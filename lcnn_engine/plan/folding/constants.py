"""What is known of values before there is an input: the channels that hold one number each, and which.

They begin at filters without weights, and are carried on by what works channel by channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np

from ...model.activations import ACTIVATION_FUNCTIONS
from ...model.graph import Activated, Graph, Multiply, Node, Pad2D, Shape, ZeroPad2D
from .weights import Constants, Weights, is_depthwise

COMBINATIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "add": np.add,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "subtract": np.subtract,
    "divide": np.divide,
}
"""Elementwise operations, by their names. Of others nothing is known."""

Tensors = Mapping[str, np.ndarray]


def constants_of(
    graph: Graph, nodes: Sequence[Node], tensors: Tensors, weights: Mapping[str, Weights]
) -> dict[str, Constants]:
    """Find the constants of the input and of every one of ``nodes``, by name; ``weights``: of the layers among them."""
    found = {graph.input.name: Constants.none(graph.input.shape[-1])}
    with np.errstate(all="ignore"):  # what is not finite is no constant
        for node in nodes:
            sources = [found[name] for name in node.inputs]
            shape = graph.shapes[node.name]
            if node.name in weights:
                one = _activated(node, weights[node.name].constants(sources[0]))
            else:
                rule = _rule(node)
                one = rule(node, shape, sources, tensors) if rule else Constants.none(shape[-1])
            found[node.name] = _finite(one)
    return found


def _finite(found: Constants) -> Constants:
    """Forget what float32 does not hold, and what nothing is known of."""
    known = found.known & np.isfinite(found.values.astype(np.float32))
    return found if known.all() else Constants(known, np.where(known, found.values, 0.0))


def _activated(node: Node, found: Constants) -> Constants:
    if not isinstance(node, Activated) or node.activation == "linear" or not found.known.any():
        return found
    function = ACTIVATION_FUNCTIONS[node.activation].function
    return Constants(found.known, np.where(found.known, function(found.values, node.alpha or 0.0), 0.0))


def _rule(node: Node) -> Callable[[Node, Shape, Sequence[Constants], Tensors], Constants] | None:
    if node.op in COMBINATIONS:
        return _combined
    return _depthwise if is_depthwise(node) else RULES.get(node.op)


def _same(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    return sources[0]


def _activation(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    return _activated(node, sources[0])


def _combined(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    known = reduce(np.logical_and, [source.known for source in sources])
    if isinstance(node, Multiply):
        known = known | reduce(np.logical_or, [source.known & ~source.lit for source in sources])
    values = reduce(COMBINATIONS[node.op], [source.values for source in sources])
    return _activated(node, Constants(known, np.where(known, values, 0.0)))


def _padded(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    """Keep zeros alone: the border becomes a part of the value."""
    assert isinstance(node, ZeroPad2D)
    return Constants(sources[0].known & ~sources[0].lit, np.zeros(shape[-1])) if any(node.padding) else sources[0]


def _bordered(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    """Keep those that the border is, too: of a border of the image's own pixels all."""
    assert isinstance(node, Pad2D)
    if node.mode != "constant" or not any(node.padding):
        return sources[0]
    known = sources[0].known & (sources[0].values == node.value)
    return Constants(known, np.where(known, sources[0].values, 0.0))


def _flat(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    pixels = shape[0] // len(sources[0].known)
    return Constants(np.tile(sources[0].known, pixels), np.tile(sources[0].values, pixels))


def _concatenated(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    return Constants(*(np.concatenate(parts) for parts in zip(*sources, strict=True)))


def _scaled(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    scale, shift = (tensors[f"{node.name}/{name}"].astype(np.float64) for name in ("scale", "shift"))
    return Constants(sources[0].known | (scale == 0), sources[0].values * scale + shift)


def _sloped(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    known, values = sources[0]
    return Constants(known, np.where(values >= 0, values, values * tensors[f"{node.name}/slope"]))


def _stored(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    """Find the channels of a value that the model holds that are one number at every pixel."""
    value = tensors[f"{node.name}/value"].reshape(-1, shape[-1]).astype(np.float64)
    known = (value == value[0]).all(axis=0)
    return Constants(known, np.where(known, value[0], 0.0))


def _depthwise(node: Node, shape: Shape, sources: Sequence[Constants], tensors: Tensors) -> Constants:
    source, kernel = sources[0], tensors[f"{node.name}/kernel"]
    if kernel.shape[1] > 1:  # a group has more channels than filters
        return Constants.none(shape[-1])
    kernel = kernel.reshape(len(kernel), -1)
    known = ~kernel.any(axis=1) | source.known
    if any(node.padding):  # type: ignore[attr-defined]
        known &= ~(kernel.any(axis=1) & source.lit)
    bias = tensors.get(f"{node.name}/bias", np.zeros(1))
    return _activated(node, Constants(known, kernel.sum(axis=1, dtype=np.float64) * source.values + bias))


RULES: dict[str, Callable[[Node, Shape, Sequence[Constants], Tensors], Constants]] = {
    "activation": _activation,
    "max_pool2d": _same,
    "avg_pool2d": _same,
    "global_avg_pool2d": _same,
    "global_max_pool2d": _same,
    "zero_pad2d": _padded,
    "pad2d": _bordered,
    "crop2d": _same,
    "resize2d": _same,
    "flatten": _flat,
    "concat": _concatenated,
    "batch_norm": _scaled,
    "prelu": _sloped,
    "constant": _stored,
}
"""What becomes of constants, by operation. Of those that are not here nothing is known."""
