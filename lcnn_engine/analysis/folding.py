"""What a plan leaves out of a network, layer by layer (``plan/folding``): a table of sizes before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..model.graph import Graph
from ..plan.folding import fold
from ..utils.text import millions, table
from .cost import NodeCost, cost_of

__all__ = ["FoldedLayer", "folded_layers", "folding_text"]

HEAD = ("folded", "filters", "channels", "k", "lookups", "Mmul")
Pair = tuple[int, int]


@dataclass(frozen=True)
class FoldedLayer:
    """Sizes of one layer, each as the file has it and as it runs; a dictionary that is gone has as many ``atoms`` as
    there are channels. ``lookups`` are None of dense layers, and so are ``atoms``."""

    name: str
    filters: Pair
    channels: Pair
    atoms: Pair | None
    lookups: Pair | None
    multiplications: Pair


def folded_layers(graph: Graph, tensors: Mapping[str, np.ndarray]) -> list[FoldedLayer]:
    """List the layers of which less is computed than the file says, where the graph's output is asked for."""
    smaller, smaller_tensors = fold(graph, tensors, [graph.output])
    if smaller is graph:
        return []
    before = {cost.name: cost for cost in cost_of(graph, tensors)}
    layers = []
    for after in cost_of(smaller, smaller_tensors):
        source = smaller[after.name].inputs[0]
        channels = (graph.shapes[source][-1], smaller.shapes[source][-1])
        layer = _layer(before[after.name], after, channels)
        if layer.multiplications != (0, 0) or layer.lookups is not None:
            layers.append(layer)
    return [layer for layer in layers if _changed(layer)]


def _layer(before: NodeCost, after: NodeCost, channels: Pair) -> FoldedLayer:
    return FoldedLayer(
        after.name,
        (before.shape[-1], after.shape[-1]),
        channels,
        None if before.atoms is None or after.atoms is None else (before.atoms, after.atoms),
        None if before.lookups is None or after.lookups is None else (before.lookups, after.lookups),
        (before.multiplications, after.multiplications),
    )


def _changed(layer: FoldedLayer) -> bool:
    pairs = (layer.filters, layer.channels, layer.atoms, layer.lookups, layer.multiplications)
    return any(pair is not None and pair[0] != pair[1] for pair in pairs)


def folding_text(layers: Sequence[FoldedLayer]) -> str:
    """Make a table of the layers, and a line that says what it is."""
    rows = [
        (
            layer.name,
            *(_text(pair) for pair in (layer.filters, layer.channels, layer.atoms, layer.lookups)),
            _millions(layer.multiplications),
        )
        for layer in layers
    ]
    made = [sum(layer.multiplications[at] for layer in layers) for at in (0, 1)]
    rows.append(("total", "", "", "", "", _millions((made[0], made[1]))))
    return (
        f"{table(HEAD, rows, left=1)}\n\n"
        "Folded: of these layers less is computed than the file says, for some filters give one number whatever the\n"
        "input, and some channels and atoms are read by nobody. Results are the same, but for rounding."
    )


def _text(pair: Pair | None) -> str:
    return "" if pair is None else _shown(*(f"{size:,}" for size in pair))


def _millions(pair: Pair) -> str:
    return _shown(*(millions(number) for number in pair))


def _shown(before: str, after: str) -> str:
    return before if before == after else f"{before} -> {after}"
