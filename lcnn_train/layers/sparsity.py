"""Which entries of P count: the two rules of sparsity, blocks of entries, the density, the number of lookups.

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

# Filters of a group and atoms of a pair that the engine has kernels for, or that cost nothing to have.
GROUPS_OF = (1, 2, 4, 8, 16, 32)
ATOMS_OF = (1, 2)


def sigma(shape: Sequence[int]) -> float:
    """Return the half-width of P's uniform start, 1 / sqrt(kh*kw*k); `shape` is P's, filters last (section 3.2)."""
    return 1.0 / math.sqrt(math.prod(shape[:-1]))


def epsilon(shape: Sequence[int], threshold: float) -> float:
    """Return the magnitude at or below which an entry of P is 0: c * sigma, with c = `threshold`."""
    return threshold * sigma(shape)


@dataclass(frozen=True)
class Rule:
    """Which entries of P survive: |P| > epsilon, or, where `lookups_per_tap` is set, so many of each tap, the largest.

    Entries share one fate in blocks: of `groups_of` neighbouring filters, which so look up the same atoms at the same
    taps, and of `atoms_of` neighbouring atoms (0 and 1, 2 and 3, ...), which so are looked up together. Blocks of both
    are pairs of atoms in groups of filters. The last block of an axis is smaller where the axis is no multiple.

    The size of a block is the root mean square of its entries: its l2 norm by the root of how many they are. So it is
    |P| where a block is one entry, epsilon means the same in every structure, and, as entries of a layer cost the same,
    blocks that go in the order of their size take the least sum of squares off P for each lookup saved.
    """

    epsilon: float
    lookups_per_tap: int | None = None
    groups_of: int = 1
    atoms_of: int = 1

    @property
    def blocks(self) -> tuple[int, int]:
        """Atoms and filters of a block."""
        return self.atoms_of, self.groups_of


def survivors(P: Any, alive: Any, rule: Rule) -> Any:
    """Make the boolean mask, P's shape, of the entries that count: alive so far, and kept by the rule."""
    size = _sizes(P, rule.blocks)
    alive = whole_blocks(alive, rule.blocks)
    if rule.lookups_per_tap is None:
        mask = ops.logical_and(alive, ops.greater(size, rule.epsilon))
    else:
        mask = _at_most(size, alive, rule.lookups_per_tap // rule.atoms_of)
    return spread(mask, rule.blocks, P.shape)


def sparsify(P: Any, alive: Any, rule: Rule) -> Any:
    """Set every entry of P that does not survive to 0; the gradient is 1 where kept and 0 where zeroed."""
    P = ops.convert_to_tensor(P)
    return ops.where(survivors(P, alive, rule), P, ops.zeros_like(P))


def norm(P: Any, blocks: tuple[int, int] = (1, 1)) -> Any:
    """Sum the sizes of all entries of a sparse P: |P|_1, or the group lasso of P where entries stand in blocks.

    In it a block's l2 norm counts times the root of how many entries it has (Yuan and Lin, 2006).
    """
    if blocks == (1, 1):
        return ops.sum(ops.abs(P))
    squares = block_sums(ops.square(P), blocks)
    used = ops.greater(squares, 0)  # the root of 0 has no gradient
    roots = ops.sqrt(ops.where(used, squares * _counts(P, blocks), ops.ones_like(squares)))
    return ops.sum(ops.where(used, roots, ops.zeros_like(roots)))


def block_sums(values: Any, blocks: tuple[int, int]) -> Any:
    """Sum (..., k, n) over each block, to (..., K, N): of `blocks` = (atoms, filters), the last of an axis smaller."""
    return values if blocks == (1, 1) else ops.sum(_blocked(values, blocks), axis=(-3, -1))


def whole_blocks(mask: Any, blocks: tuple[int, int]) -> Any:
    """Tell which blocks of a mask (..., k, n) are set throughout: (..., K, N)."""
    return mask if blocks == (1, 1) else ops.all(_blocked(mask, blocks, outside=True), axis=(-3, -1))


def spread(mask: Any, blocks: tuple[int, int], shape: Sequence[int]) -> Any:
    """Give every entry of P, whose shape it is, what its block has: (..., K, N) to (..., k, n)."""
    if blocks == (1, 1):
        return mask
    for axis, size in zip((-2, -1), blocks, strict=True):
        if size > 1:
            mask = ops.repeat(mask, size, axis=axis)
    return mask[..., : shape[-2], : shape[-1]]


def block_counts(shape: Sequence[int], blocks: tuple[int, int]) -> np.ndarray:
    """Count the entries of each block of one tap, int64 (K, N)."""
    atoms, filters = (
        np.minimum(size, total - np.arange(0, total, size)) for size, total in zip(blocks, shape[-2:], strict=True)
    )
    return np.outer(atoms, filters)


def _counts(P: Any, blocks: tuple[int, int]) -> Any:
    return ops.cast(block_counts(P.shape, blocks), P.dtype)


def _blocked(values: Any, blocks: tuple[int, int], outside: Any = 0) -> Any:
    """(..., k, n) as (..., K, atoms, N, filters), filled up with `outside`."""
    (k, n), (atoms, filters) = values.shape[-2:], blocks
    K, N = -(-k // atoms), -(-n // filters)
    if (K * atoms, N * filters) != (k, n):
        missing = [(0, 0)] * (len(values.shape) - 2) + [(0, K * atoms - k), (0, N * filters - n)]
        values = ops.pad(values, missing, constant_values=outside)
    return ops.reshape(values, (*values.shape[:-2], K, atoms, N, filters))


def _sizes(P: Any, blocks: tuple[int, int]) -> Any:
    if blocks == (1, 1):
        return ops.abs(P)
    return ops.sqrt(block_sums(ops.square(P), blocks) / _counts(P, blocks))


def _at_most(size: Any, alive: Any, count: int) -> Any:
    """The living blocks over 0 of each tap, or the largest of them if they are more than `count`.

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
