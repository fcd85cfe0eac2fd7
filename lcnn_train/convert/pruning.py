"""Which entries of a kernel are kept, and what they become, so that a layer's outputs change least.

The choice is made by the alternating direction method of multipliers: a kernel that answers the samples and one that is
sparse are drawn to each other, while fewer and fewer entries are kept (Boza 2024, after Boyd et al. 2011). Then the
entries that are kept are fitted by least squares, all filters at once, by conjugate gradients.

Legend: K (n, taps * k) a kernel, entries of k atoms (or channels) at each tap of each of n filters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lcnn_train.convert.gram import Moments

_ROUNDS, _SETTLED = 15, 5  # while fewer and fewer entries are kept, and after
_PULL = 1.0  # of the sparse kernel, in units of an input's variance
_STEPS = 40  # of conjugate gradients at most
_EXACT = 1e-4  # of the right side is left when they end


@dataclass(frozen=True)
class Selection:
    """How many entries of a kernel are kept, and which share their fate.

    Either `per_tap` entries of each tap of each filter, or `count` of the whole layer; blocks are of `groups_of`
    neighbouring filters and `atoms_of` neighbouring atoms.
    """

    taps: int
    per_tap: int | None = None
    count: int | None = None
    groups_of: int = 1
    atoms_of: int = 1

    def mask(self, K: np.ndarray, share: float = 1.0) -> np.ndarray:
        """Choose the entries of K (n, taps * k) that are largest; `share` over 0 to 1: this far on the way to all."""
        energy, counts = self._blocks(np.square(K))
        mean = energy / counts
        if self.per_tap is not None:
            k = K.shape[1] // self.taps
            wanted = k - (k - min(self.per_tap, k)) * share
            chosen = _largest(mean, int(wanted) // self.atoms_of, axis=-1)
        else:
            wanted = K.size - (K.size - min(self.count or 0, K.size)) * share
            chosen = _most(mean, np.broadcast_to(counts, mean.shape), wanted)
        return self._spread(chosen & (energy > 0), K.shape)

    def _blocks(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums (N, taps, K) over blocks, and how many entries each has."""
        n, columns = values.shape
        k = columns // self.taps
        both = np.add.reduceat(values.reshape(n, self.taps, k), np.arange(0, n, self.groups_of), axis=0)
        both = np.add.reduceat(both, np.arange(0, k, self.atoms_of), axis=2)
        filters, atoms = (
            np.minimum(size, total - np.arange(0, total, size))
            for size, total in ((self.groups_of, n), (self.atoms_of, k))
        )
        return both, filters[:, None, None] * atoms

    def _spread(self, chosen: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        n, columns = shape
        whole = chosen.repeat(self.groups_of, axis=0)[:n].repeat(self.atoms_of, axis=2)
        return whole[:, :, : columns // self.taps].reshape(shape)


def _largest(values: np.ndarray, count: int, axis: int) -> np.ndarray:
    mask = np.zeros(values.shape, bool)
    if count > 0:
        order = np.argsort(-values, axis=axis, kind="stable")
        np.put_along_axis(mask, order[..., :count], True, axis=axis)
    return mask


def _most(values: np.ndarray, counts: np.ndarray, wanted: float) -> np.ndarray:
    """The largest values whose counts are `wanted` together, or less than one of them below."""
    flat, counts = values.ravel(), counts.ravel()
    mask = np.zeros(flat.size, bool)
    if counts.min() == counts.max():
        few = int(wanted / counts[0])
        if few:
            mask[np.argpartition(-flat, few - 1)[:few]] = True
    else:
        order = np.argsort(-flat, kind="stable")
        mask[order[np.cumsum(counts[order]) <= wanted]] = True
    return mask.reshape(values.shape)


def pruned(moments: Moments, W: np.ndarray, selection: Selection) -> np.ndarray:
    """Find the kernel (n, taps * k) of so many entries whose outputs are nearest to those wanted.

    W is the one that is pruned: what the samples leave open stays as it is.
    """
    problem, start, scale = prepared(moments, W)
    search = Search(problem, start)
    for done in range(_ROUNDS):
        search.step(selection, 1 - (1 - (done + 1) / _ROUNDS) ** 3)
    for _ in range(_SETTLED):
        search.step(selection, 1.0)
    mask = selection.mask(search.drawn)
    return refitted(problem, mask, search.drawn) / scale


def prepared(moments: Moments, W: np.ndarray) -> tuple[Moments, np.ndarray, np.ndarray]:
    """Scale the inputs to a variance of 1: the moments then, damped, the kernel W then, and W's scale (taps * k,)."""
    scale = np.sqrt(np.maximum(moments.diagonal(), 0))
    least = 1e-3 * float(scale.max(initial=0.0)) or 1.0  # of an input that hardly varies
    scale = np.maximum(scale, least)
    W = (W * scale).astype(np.float32)  # whose products take half the time
    problem = moments.scaled(scale).damped(W)
    grams = tuple(gram.astype(np.float32) for gram in problem.grams)
    return replace(problem, grams=grams, C=problem.C.astype(np.float32)), W, scale


class Search:
    """The two kernels, and what has drawn them to each other so far. `moments` have inputs of variance 1."""

    def __init__(self, moments: Moments, W: np.ndarray):
        self.moments, self._kernel, self._drift = moments, W, np.zeros_like(W)
        inverses = tuple(np.linalg.inv(gram + _PULL * np.eye(len(gram), dtype=gram.dtype)) for gram in moments.grams)
        self._inverse = replace(moments, grams=inverses)

    @property
    def drawn(self) -> np.ndarray:
        """The kernel that the sparse one is taken from."""
        return self._kernel + self._drift

    def step(self, selection: Selection, share: float) -> None:
        drawn = self.drawn
        sparse = np.where(selection.mask(drawn, share), drawn, 0)
        self._drift = drawn - sparse
        self._kernel = self._inverse.times(self.moments.C + _PULL * (sparse - self._drift))


def refitted(moments: Moments, mask: np.ndarray, start: np.ndarray, steps: int = _STEPS) -> np.ndarray:
    """Fit the entries in `mask` (n, taps * k) by least squares, each filter by itself, from those of `start`."""
    return solved(lambda K: np.where(mask, moments.times(K), 0), np.where(mask, moments.C, 0), start * mask, steps, 1)


def solved(
    apply: Callable[[np.ndarray], np.ndarray], right: np.ndarray, start: np.ndarray, steps: int, axis: int | None = None
) -> np.ndarray:
    """Solve apply(x) = right from `start` by conjugate gradients, `apply` linear, symmetric and not negative.

    `axis`: 1 where each row is a system of its own; None for one system.
    """

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.sum(a * b, axis=axis, keepdims=True)

    x, residual = start, right - apply(start)
    along, size = residual, product(residual, residual)
    enough = _EXACT**2 * product(right, right)
    for _ in range(steps):
        if (size <= enough).all():
            break
        applied = apply(along)
        bend = product(along, applied)
        going = (size > enough) & (bend > 0)
        step = np.where(going, size / np.where(going, bend, 1), 0)
        x, residual = x + step * along, residual - step * applied
        now = product(residual, residual)
        along = residual + np.where(going, now / np.where(going, size, 1), 0) * along
        size = np.where(going, now, 0)
    return x
