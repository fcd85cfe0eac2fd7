"""Which channels of every value have to be there.

Values whose channels belong together, as those before and after a pool or the terms of a sum, keep the same ones: each
channel has a number, and what belongs together has one number. From what is asked for back to the input, layers say
which numbers they read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...model.graph import Concat, Elementwise, Flatten, Graph, Node
from .weights import Constants, Weights, is_depthwise

ONE_BY_ONE = {
    "activation", "avg_pool2d", "batch_norm", "crop2d", "global_avg_pool2d", "global_max_pool2d", "max_pool2d", "pad2d",
    "prelu", "resize2d", "zero_pad2d",
}  # fmt: skip
"""Operations that make each channel of the one of their input, by their names."""

MAX_SWEEPS = 50  # two or three are usual


def kept_channels(
    graph: Graph,
    nodes: Sequence[Node],
    outputs: Sequence[str],
    weights: Mapping[str, Weights],
    constants: Mapping[str, Constants],
) -> dict[str, np.ndarray] | None:
    """Find which channels to keep of the input and of every one of ``nodes``, by name: numbers, ascending.

    There is at least one of each. ``outputs`` keep all, and so does what an operation that is not known here reads and
    gives. None where there is no end to it.
    """
    numbers, whole = _numbered(graph, nodes, weights)
    kept = np.zeros(1 + max(int(each.max()) for each in numbers.values()), bool)
    for name in (*whole, *outputs):
        kept[numbers[name]] = True
    layers = [node for node in reversed(nodes) if node.name in weights]
    counts = dict.fromkeys(weights, 0)
    for _ in range(MAX_SWEEPS):
        settled = True
        for node in layers:
            own = numbers[node.name]
            if not kept[own].any():
                kept[own[constants[node.name].known.argmax()]] = True  # an image has a channel
            filters = kept[own]
            count = int(filters.sum())
            if count > counts[node.name]:
                source = node.inputs[0]
                kept[numbers[source][weights[node.name].reads(filters, constants[source])]] = True
                counts[node.name], settled = count, False
        if settled:
            return {name: np.flatnonzero(kept[own]) for name, own in numbers.items()}
    return None


def _numbered(
    graph: Graph, nodes: Sequence[Node], weights: Mapping[str, Weights]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Give the numbers of all channels, by value, and the names of the values that stay whole."""
    count = graph.input.shape[-1]
    numbers = {graph.input.name: np.arange(count)}
    whole = [graph.input.name]
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    for node in nodes:
        channels = graph.shapes[node.name][-1]
        sources = [numbers[name] for name in node.inputs]
        if node.op in ONE_BY_ONE or (is_depthwise(node) and len(sources[0]) == channels):
            numbers[node.name] = sources[0]
        elif isinstance(node, Concat):
            numbers[node.name] = np.concatenate(sources)
        elif isinstance(node, Flatten):
            numbers[node.name] = np.tile(sources[0], channels // len(sources[0]))
        elif isinstance(node, Elementwise):
            same = [source for source in sources if len(source) == channels]
            whole += [name for name in node.inputs if len(numbers[name]) != channels]
            numbers[node.name] = same[0]
            pairs += [(same[0], other) for other in same[1:]]
        else:
            numbers[node.name] = np.arange(count, count + channels)
            count += channels
            whole += [] if node.name in weights else [*node.inputs, node.name]
    label = _joined(count, pairs)
    return ({name: label[own] for name, own in numbers.items()} if pairs else numbers), whole


def _joined(count: int, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Give each of ``count`` numbers the least of those that ``pairs`` tie it to, directly or not."""
    label = np.arange(count)
    if not pairs:
        return label
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    while (label[first] != label[second]).any():
        one, other = label[first], label[second]
        np.minimum.at(label, np.maximum(one, other), np.minimum(one, other))
        while (label != label[label]).any():
            label = label[label]
    return label
