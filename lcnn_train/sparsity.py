"""Which entries of P count: the threshold, the density and the counting rule.

P is the sparse tensor of a lookup layer: shape (kh, kw, k, n) for a convolution, (k, n) for a dense layer; k is the
size of the dictionary and n the number of filters. An entry that survives the threshold is one *lookup*.

The layer, the density counter and the exporter all ask :func:`survivors`; nothing else decides what is zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops


def sigma(shape: Sequence[int]) -> float:
    """Half-width of P's uniform start, 1 / sqrt(kh*kw*k); `shape` is P's, the filters last (LCNN, section 3.2)."""
    return 1.0 / math.sqrt(math.prod(shape[:-1]))


def epsilon(shape: Sequence[int], threshold: float) -> float:
    """The magnitude at or below which an entry of P is 0: c * sigma, with c = `threshold`."""
    return threshold * sigma(shape)


def survivors(P: Any, alive: Any, epsilon: float) -> Any:
    """Boolean mask of the entries that count: alive so far, and |P| > epsilon."""
    return ops.logical_and(alive, ops.greater(ops.abs(P), epsilon))


def sparsify(P: Any, alive: Any, epsilon: float) -> Any:
    """P with every entry that does not survive set to 0; its gradient is 1 where kept and 0 where zeroed."""
    return ops.where(survivors(P, alive, epsilon), P, ops.zeros_like(P))


@dataclass(frozen=True)
class LayerCount:
    """Multiplications of one layer for one picture, by the paper's counting rule.

    dense         multiplications of an ordinary layer, or |S| * m for a lookup layer's dictionary
    lookup        lookups * output positions (0 for an ordinary layer)
    lookups       non-zeros of P, and `density` their share of P (None for an ordinary layer)
    dictionary    k (None for an ordinary layer)
    """

    name: str
    dense: int
    lookup: int = 0
    lookups: int | None = None
    density: float | None = None
    dictionary: int | None = None

    @property
    def total(self) -> int:
        return self.dense + self.lookup


def density(layer: keras.layers.Layer) -> float:
    """Share of P's entries that survive, 0 to 1. `layer` is a built LookupConv2D or LookupDense."""
    return lookups(layer) / math.prod(layer.P.shape)


def lookups(layer: keras.layers.Layer) -> int:
    """Number of P's entries that survive. `layer` is a built LookupConv2D or LookupDense."""
    return int(np.count_nonzero(ops.convert_to_numpy(layer.surviving())))


def lookup_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The lookup layers of a model, in its order."""
    return [layer for layer in model.layers if hasattr(layer, "surviving")]


def count_layer(layer: keras.layers.Layer, lookups_of_layer: int | None = None) -> LayerCount | None:
    """Count one layer of a functional model; None where it multiplies nothing by the rule (pools, activations ...).

    The rule (multiplications only, one picture): a dense convolution costs |output| * m*kw*kh; a lookup convolution
    |S| * m, with S computed at stride 1 and the padded border included, + |output| * kw*kh*k * density(P).
    `lookups_of_layer` stands in for the layer's own count, to ask "what if".
    """
    if hasattr(layer, "surviving"):
        return _count_lookup(layer, lookups_of_layer)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return LayerCount(layer.name, math.prod(layer.output.shape[1:]) * math.prod(layer.kernel.shape[:2]))
    if isinstance(layer, keras.layers.Conv2D):
        return LayerCount(layer.name, math.prod(layer.output.shape[1:]) * math.prod(layer.kernel.shape[:3]))
    if isinstance(layer, keras.layers.Dense):
        return LayerCount(layer.name, math.prod(layer.kernel.shape))
    return None


def _count_lookup(layer: keras.layers.Layer, lookups_of_layer: int | None) -> LayerCount:
    k, m = layer.dictionary, layer.D.shape[-2]
    found = lookups(layer) if lookups_of_layer is None else lookups_of_layer
    positions = math.prod(layer.output.shape[1:-1])
    return LayerCount(
        layer.name,
        dense=math.prod(layer.padded_size(layer.input.shape)) * k * m,
        lookup=found * positions,
        lookups=found,
        density=found / math.prod(layer.P.shape),
        dictionary=k,
    )


def count(model: keras.Model) -> list[LayerCount]:
    """Count every layer of a functional model that multiplies."""
    return [counted for layer in model.layers if (counted := count_layer(layer)) is not None]


def lookup_multiplications(model: keras.Model) -> int:
    """Lookups * output positions, summed over a functional model's layers."""
    return sum(count_layer(layer).lookup for layer in lookup_layers(model))
