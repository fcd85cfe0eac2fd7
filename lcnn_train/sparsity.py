"""Which entries of P count: the threshold, the density, the number of lookups.

P is the sparse tensor of a lookup layer: shape (kh, kw, k, n) for a convolution, (k, n) for a dense layer; k is the
size of the dictionary and n the number of filters. An entry that survives the threshold is one *lookup*.

The layer, the density counter and the exporter all ask :func:`survivors`; nothing else decides what is zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def density(layer: keras.layers.Layer, found: int | None = None) -> float:
    """Share of P's entries that survive, 0 to 1; of `found` if they are counted. `layer` is a built lookup layer."""
    return (lookups(layer) if found is None else found) / math.prod(layer.P.shape)


def lookups(layer: keras.layers.Layer) -> int:
    """Number of P's entries that survive. `layer` is a built LookupConv2D or LookupDense."""
    return int(np.count_nonzero(ops.convert_to_numpy(layer.surviving())))


def lookup_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The lookup layers of a model, in its order."""
    return [layer for layer in model.layers if hasattr(layer, "surviving")]


def lookup_multiplications(layer: keras.layers.Layer, found: int) -> int:
    """What `found` lookups of a layer in a functional model multiply: one each at every place of its output."""
    return found * math.prod(layer.output.shape[1:-1])
