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


def dictionary_pays(dictionary: int, filters: int, kernel_size: Sequence[int] = ()) -> bool:
    """Whether a layer's dictionary can save anything: with k >= n*kh*kw, S alone costs what the dense layer does."""
    return dictionary < filters * math.prod(kernel_size)


@dataclass(frozen=True)
class LayerCount:
    """Multiplications of one layer for one picture, by the paper's counting rule.

    `dense` counts those of an ordinary layer, or |S| * m for a lookup layer's dictionary.
    """

    name: str
    dense: int

    @property
    def total(self) -> int:
        return self.dense


@dataclass(frozen=True)
class LookupCount(LayerCount):
    """A lookup layer's: `dictionary` is k, `density` the share of P that survives, `lookup` lookups * positions."""

    dictionary: int
    lookups: int
    density: float
    lookup: int

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


def count_lookups(layer: keras.layers.Layer, found: int | None = None) -> LookupCount:
    """Count a lookup layer of a functional model; `found` lookups instead of its own, to ask "what if".

    A lookup convolution costs |S| * m, with S computed at stride 1 and the padded border included, and
    |output| * kw*kh*k * density(P).
    """
    found = lookups(layer) if found is None else found
    k, m = layer.dictionary, layer.D.shape[-2]
    return LookupCount(
        layer.name,
        dense=math.prod(layer.padded_size(layer.input.shape)) * k * m,
        dictionary=k,
        lookups=found,
        density=found / math.prod(layer.P.shape),
        lookup=found * math.prod(layer.output.shape[1:-1]),
    )


def count_layer(layer: keras.layers.Layer) -> LayerCount | None:
    """Count any layer of a functional model; None where it multiplies nothing by the rule (pools, activations ...).

    A dense convolution costs |output| * m*kw*kh.
    """
    if hasattr(layer, "surviving"):
        return count_lookups(layer)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return LayerCount(layer.name, math.prod(layer.output.shape[1:]) * math.prod(layer.kernel.shape[:2]))
    if isinstance(layer, keras.layers.Conv2D):
        return LayerCount(layer.name, math.prod(layer.output.shape[1:]) * math.prod(layer.kernel.shape[:3]))
    if isinstance(layer, keras.layers.Dense):
        return LayerCount(layer.name, math.prod(layer.output.shape[1:]) * layer.kernel.shape[0])
    return None


def count(model: keras.Model) -> list[LayerCount]:
    """Count every layer of a functional model that multiplies."""
    return [counted for layer in model.layers if (counted := count_layer(layer)) is not None]
