"""Which entries of P count: the two rules of sparsity, the density, the number of lookups.

P is the sparse tensor of a lookup layer: shape (kh, kw, k, n) for a convolution, (k, n) for a dense layer; k is the
size of the dictionary and n the number of filters. An entry that survives is one *lookup*; the entries (r, c, :, o) are
the *tap* (r, c) of filter o.

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
    """Return the half-width of P's uniform start, 1 / sqrt(kh*kw*k); `shape` is P's, filters last (section 3.2)."""
    return 1.0 / math.sqrt(math.prod(shape[:-1]))


def epsilon(shape: Sequence[int], threshold: float) -> float:
    """Return the magnitude at or below which an entry of P is 0: c * sigma, with c = `threshold`."""
    return threshold * sigma(shape)


@dataclass(frozen=True)
class Rule:
    """Which entries of P survive: |P| > epsilon, or, where `lookups_per_tap` is set, so many of each tap, the largest.

    `groups_of` neighbouring filters share one fate for each (r, c, atom): an entry's size is then the root mean square
    of its group, which is |P| where a group is one filter. They so look up the same atoms at the same taps.
    """

    epsilon: float
    lookups_per_tap: int | None = None
    groups_of: int = 1


def survivors(P: Any, alive: Any, rule: Rule) -> Any:
    """Make the boolean mask, P's shape, of the entries that count: alive so far, and kept by the rule."""
    size = _sizes(P, rule.groups_of)
    if rule.groups_of > 1:
        alive = ops.all(_grouped(alive, rule.groups_of), axis=-1)
    if rule.lookups_per_tap is None:
        mask = ops.logical_and(alive, ops.greater(size, rule.epsilon))
    else:
        mask = _at_most(size, alive, rule.lookups_per_tap)
    return mask if rule.groups_of == 1 else ops.repeat(mask, rule.groups_of, axis=-1)


def sparsify(P: Any, alive: Any, rule: Rule) -> Any:
    """Set every entry of P that does not survive to 0; the gradient is 1 where kept and 0 where zeroed."""
    return ops.where(survivors(P, alive, rule), P, ops.zeros_like(P))


def norm(P: Any, groups_of: int) -> Any:
    """Sum all sizes of a sparse P: |P|_1, or the group lasso of P where filters stand in groups."""
    if groups_of == 1:
        return ops.sum(ops.abs(P))
    squares = ops.mean(ops.square(_grouped(P, groups_of)), axis=-1)
    used = ops.greater(squares, 0)  # the root of 0 has no gradient
    roots = ops.sqrt(ops.where(used, squares, ops.ones_like(squares)))
    return groups_of * ops.sum(ops.where(used, roots, ops.zeros_like(roots)))


def _grouped(P: Any, groups_of: int) -> Any:
    """(..., n) as (..., n / groups_of, groups_of)."""
    return ops.reshape(P, (*P.shape[:-1], P.shape[-1] // groups_of, groups_of))


def _sizes(P: Any, groups_of: int) -> Any:
    if groups_of == 1:
        return ops.abs(P)
    return ops.sqrt(ops.mean(ops.square(_grouped(P, groups_of)), axis=-1))


def _at_most(size: Any, alive: Any, count: int) -> Any:
    """The living entries over 0 of each tap, or the largest of them if they are more than `count`.

    After the first update they are not, and sorting all of fc6 would take longer than the rest of a training step.
    """
    living = ops.logical_and(alive, ops.greater(size, 0))
    count = min(count, size.shape[-2])
    few = ops.all(ops.sum(ops.cast(living, "int32"), axis=-2) <= count)
    return ops.cond(few, lambda: living, lambda: _largest(ops.where(living, size, ops.zeros_like(size)), count))


def _largest(size: Any, count: int) -> Any:
    """Mask of the `count` largest sizes over 0 of each tap, along the axis before the last; of equal ones the first."""
    last = ops.expand_dims(ops.min(ops.top_k(ops.swapaxes(size, -1, -2), count)[0], axis=-1), -2)
    larger, equal = ops.greater(size, last), ops.logical_and(ops.equal(size, last), ops.greater(size, 0))
    room = count - ops.sum(ops.cast(larger, "int32"), axis=-2, keepdims=True)
    return ops.logical_or(larger, ops.logical_and(equal, ops.cumsum(ops.cast(equal, "int32"), axis=-2) <= room))


def dictionary_pays(dictionary: int, filters: int, kernel_size: Sequence[int] = ()) -> bool:
    """Tell whether a dictionary can save anything: with k >= n*kh*kw, S alone costs what the dense layer does."""
    return dictionary < filters * math.prod(kernel_size)


def density(layer: keras.layers.Layer, found: int | None = None) -> float:
    """Return the share of P's entries that survive, 0 to 1; of `found` if they are counted. `layer` is a built one."""
    return (lookups(layer) if found is None else found) / math.prod(layer.P.shape)


def lookups(layer: keras.layers.Layer) -> int:
    """Count P's entries that survive. `layer` is a built LookupConv2D or LookupDense."""
    return int(np.count_nonzero(ops.convert_to_numpy(layer.surviving())))


def most_lookups(layer: keras.layers.Layer) -> int:
    """Count the entries of P that may survive: all, or `lookups_per_tap` of each tap. `layer` is a built one."""
    size, k = math.prod(layer.P.shape), int(layer.P.shape[-2])
    return size if layer.lookups_per_tap is None else size // k * min(layer.lookups_per_tap, k)


def lookup_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """List the lookup layers of a model, those of models inside it too, in its order."""
    found: list[keras.layers.Layer] = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += [inner for inner in lookup_layers(layer) if inner not in found]
        elif hasattr(layer, "surviving"):
            found.append(layer)
    return found


def lookup_multiplications(layer: keras.layers.Layer, found: int) -> int:
    """Count the multiplications of `found` lookups of a layer: one each at every position of its output."""
    return found * math.prod(layer.output.shape[1:-1])
