"""Joins what runs as one: batch norms, paddings and activations with the layer before or behind them.

As ``lcnn_train/export`` does it for Keras: a node bears its layer's name, and holds the value after the last that was
joined to it. Everything here is exact but for the rounding of the new weights to float32.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...model.graph import Activated, Activation, BatchNorm, Conv2D, Dense, Node, ZeroPad2D

__all__ = ["Simplified", "simplified", "without_unread"]

Tensors = dict[str, np.ndarray]
_NORMS = ("layer_norm", "group_norm", "batch_norm")  # they end with a scale and a shift of their own


class Simplified(NamedTuple):
    """What is left of nodes and their tensors, and the name that the output has now.

    ``held`` says, of each value that a node gives still, by the name of the node that gave it: by which.
    """

    nodes: list[Node]
    tensors: Tensors
    output: str
    held: dict[str, str]


def simplified(nodes: Iterable[Node], tensors: Tensors, output: str) -> Simplified:
    """Join nodes, and drop those that nobody reads."""
    nodes = _with_paddings(without_unread(nodes, output))
    joiner = _Joiner(nodes, tensors, output)
    for node in nodes:
        joiner.take(node)
    output = joiner.names.get(output, output)
    left = without_unread(joiner.nodes.values(), output)
    names = {node.name for node in left}
    tensors = {key: array for key, array in joiner.tensors.items() if key.rpartition("/")[0] in names}
    held = {joiner.last.get(name, name): name for name in names}
    return Simplified(left, tensors, output, held)


def without_unread(nodes: Iterable[Node], output: str) -> list[Node]:
    """Drop the nodes that the output does not need."""
    needed, kept = {output}, []
    for node in reversed(list(nodes)):
        if node.name in needed:
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def _with_paddings(nodes: list[Node]) -> list[Node]:
    """Put zeros around an image into the padding of the convolutions that read it."""
    pads = {node.name: node for node in nodes if isinstance(node, ZeroPad2D)}
    result: list[Node] = []
    for node in nodes:
        if isinstance(node, Conv2D) and node.inputs[0] in pads:
            pad = pads[node.inputs[0]]
            top, bottom, left, right = (a + b for a, b in zip(node.padding, pad.padding, strict=True))
            node = replace(node, inputs=pad.inputs, padding=(top, bottom, left, right))
        result.append(node)
    return result


class _Joiner:
    """The nodes so far, by name; ``names``: what joined nodes go by now; ``readers``: how many read each value.

    ``last``: what was joined to a node last, whose value it gives therefore.
    """

    def __init__(self, nodes: Iterable[Node], tensors: Tensors, output: str) -> None:
        self.nodes: dict[str, Node] = {}
        self.tensors = dict(tensors)
        self.names: dict[str, str] = {}
        self.last: dict[str, str] = {}
        self.readers = Counter(name for node in nodes for name in node.inputs)
        self.readers[output] += 1

    def take(self, node: Node) -> None:
        """Join the next node to the one that it reads, where that is possible, else add it."""
        node = replace(node, inputs=tuple(self.names.get(name, name) for name in node.inputs))
        source = self.nodes.get(node.inputs[0]) if node.inputs else None
        alone = source is not None and self.readers[source.name] == 1
        if isinstance(node, BatchNorm) and (self._does_nothing(node) or (alone and self._scaled(source, node.name))):
            self._joined(node)
        elif source is not None and alone and _takes_activation(source, node):
            assert isinstance(source, Activated)
            assert isinstance(node, Activation)
            self.nodes[source.name] = replace(source, activation=node.activation, alpha=node.alpha)
            self._joined(node)
        else:
            self.nodes[node.name] = node

    def _joined(self, node: Node) -> None:
        """Let the readers of ``node`` read what it reads, of which it has become part."""
        name = node.inputs[0]
        self.names[node.name] = name
        self.last[name] = node.name
        self.readers[name] += self.readers[node.name] - 1

    def _does_nothing(self, node: Node) -> bool:
        scale, shift = (self.tensors[f"{node.name}/{key}"] for key in ("scale", "shift"))
        return node.inputs[0] in self.nodes and bool((scale == 1.0).all() and not shift.any())

    def _scaled(self, source: Node | None, norm: str) -> bool:
        """Put a scale and a shift into the weights of ``source``, where it has such."""
        scale, shift = (self.tensors[f"{norm}/{key}"].astype(np.float64) for key in ("scale", "shift"))
        if isinstance(source, (Conv2D, Dense)) and source.activation == "linear":
            kernel = self.tensors[f"{source.name}/kernel"]
            bias = self.tensors.get(f"{source.name}/bias")
            across = scale.reshape(-1, *(1,) * (kernel.ndim - 1))
            new = {"kernel": kernel if (scale == 1.0).all() else kernel * across}
            if bias is not None or shift.any():
                new["bias"] = shift if bias is None else bias * scale + shift
        elif source is not None and source.op in _NORMS:
            own = (self.tensors[f"{source.name}/{key}"] for key in ("scale", "shift"))
            new = {key: array * scale for key, array in zip(("scale", "shift"), own, strict=True)}
            new["shift"] = new["shift"] + shift
        else:
            return False
        with np.errstate(over="ignore"):
            narrow = {f"{source.name}/{key}": np.ascontiguousarray(array, np.float32) for key, array in new.items()}
        if not all(np.isfinite(array).all() for array in narrow.values()):
            return False
        self.tensors.update(narrow)
        return True


def _takes_activation(source: Node, node: Node) -> bool:
    plain = isinstance(source, Activated) and source.activation == "linear"
    return plain and isinstance(node, Activation) and not isinstance(source, Activation)
