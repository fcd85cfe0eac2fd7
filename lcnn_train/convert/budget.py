"""How many lookups each layer gets, and of how large a dictionary, by what that costs and what it changes.

A layer has forms to choose from: without a dictionary at many densities, with one at some sizes and lookups. Each costs
so much, and has an error. For an error, a layer takes the cheapest form within it. For a budget one price decides for
all layers: each takes the form whose squared error, and what it costs at that price, are least together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from lcnn_train.convert.fitting import Form, fitted
from lcnn_train.convert.gram import Moments
from lcnn_train.convert.pruning import Search, Selection, prepared, refitted
from lcnn_train.layers.geometry import explicit_padding

_DENSITIES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.06, 0.04, 0.02, 0.01)
_BETWEEN = 8  # forms between two of these, their errors interpolated
_SIZES = (0.125, 0.25, 0.5)  # of a dictionary, as parts of the channels
_LOOKUPS = (1, 2, 4, 8, 16)  # of a tap
_ROUNDS, _STEPS = 6, 15  # of the search at each density, and of the fit
_HALVINGS = 60


@dataclass(frozen=True)
class Layer:
    """A layer that is to be given a form: its kernel (n, taps * m), and what its lookups and atoms cost.

    sizes: of dictionaries to try, None for none. entry, atom, whole: of one lookup, one row of D, the dense layer.
    """

    name: str
    W: np.ndarray
    taps: int
    sizes: tuple[int | None, ...]
    groups_of: int
    atoms_of: int
    entry: float
    atom: float
    whole: float


@dataclass(frozen=True)
class Option:
    """A form of a layer: k (None: no dictionary), the number of lookups of the layer, or those of each tap."""

    dictionary: int | None
    count: int | None
    per_tap: int | None
    cost: float
    error: float


def sizes_of(m: int, n: int, taps: int) -> tuple[int | None, ...]:
    """List the dictionaries that are tried where none is asked for: none, and some that are smaller than the layer."""
    found = sorted({max(1, round(m * part)) for part in _SIZES})
    return None, *(k for k in found if k < min(m, n * taps))


def costs(of: str, layer: Any, shapes: Sequence[tuple[tuple[Any, ...], ...]]) -> tuple[float, float, float]:
    """Count what one lookup, one atom and the whole of a dense layer cost: as lookups, or as multiplications.

    `shapes`: of the input and output of each of its calls, without the batch. Raises ValueError for another unit, and,
    of multiplications, for shapes that are not fixed.
    """
    size = math.prod(layer.kernel.shape)
    if of == "lookups":
        return 1.0, 0.0, float(size)
    if of != "multiplications":
        raise ValueError(f'of: expected "multiplications" or "lookups", found {of!r}')
    entry = atom = 0.0
    for source, made in shapes:
        if None in (*source, *made):
            raise ValueError(
                f"layer {layer.name}: expected an input of a known height and width, to count its multiplications; "
                'begin the model with keras.Input of such a shape, or count of="lookups"'
            )
        entry += math.prod(made[:-1])
        atom += source[-1] * _pixels(layer, source)
    return entry, atom, entry * size


def _pixels(layer: Any, source: tuple[int, ...]) -> int:
    if not hasattr(layer, "kernel_size"):
        return math.prod(source[:-1])
    top, bottom, left, right = explicit_padding(
        layer.padding, source[:2], layer.kernel_size, layer.strides, layer.dilation_rate
    )
    return (source[0] + top + bottom) * (source[1] + left + right)


def options(layer: Layer, moments: Moments, seed: int = 0) -> list[Option]:
    """List the forms that a layer can have, with their errors: of its outputs, by their moments."""
    found = []
    for k in layer.sizes:
        found += _without_dictionary(layer, moments) if k is None else _with_dictionary(layer, moments, k, seed)
    return found


def _without_dictionary(layer: Layer, moments: Moments) -> list[Option]:
    """Many densities, by one search whose kernel loses entries on the way, and numbers in between."""
    problem, W, scale = prepared(moments, layer.W)
    search = Search(problem, W)
    points = []
    least = len(W) * layer.atoms_of  # fewer would leave filters of nothing
    for count in sorted({max(round(density * W.size), least) for density in _DENSITIES}, reverse=True):
        selection = Selection(layer.taps, None, count, layer.groups_of, layer.atoms_of)
        for _ in range(_ROUNDS):
            search.step(selection, 1.0)
        mask = selection.mask(search.drawn)
        K = refitted(problem, mask, search.drawn, _STEPS) / scale
        points.append((int(mask.sum()), moments.error(K)))
    return [Option(None, count, None, layer.entry * count, error) for count, error in _interpolated(points)]


def _interpolated(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Put more points between each two, their errors on a line."""
    found = points[:1]
    for (more, less_error), (fewer, error) in pairwise(points):
        for part in np.arange(1, _BETWEEN + 1) / _BETWEEN:
            found.append((round(more + (fewer - more) * part), float(less_error + (error - less_error) * part)))
    return found


def _with_dictionary(layer: Layer, moments: Moments, k: int, seed: int) -> list[Option]:
    n, vectors = len(layer.W), len(layer.W) * layer.taps
    counts = sorted({min(s, k) for s in _LOOKUPS if s % layer.atoms_of == 0} | {k - k % layer.atoms_of or k})
    found = []
    for s in counts:
        selection = None if s >= k else Selection(layer.taps, s, None, layer.groups_of, layer.atoms_of)
        D, P = fitted(moments, layer.W, layer.taps, Form(k, selection), seed)
        K = (P.reshape(vectors, k) @ D).reshape(n, -1)
        cost = layer.entry * min(s, k) * vectors + layer.atom * k
        found.append(Option(k, None, None if s >= k else s, cost, moments.error(K)))
    return found


def within(choices: Sequence[Option], error: float) -> Option:
    """Choose the cheapest form of a layer within an error; that of the least error where there is none."""
    good = [option for option in choices if option.error <= error]
    return min(good, key=lambda option: option.cost) if good else min(choices, key=lambda option: option.error)


def for_budget(layers: Sequence[Sequence[Option]], budget: float) -> list[Option]:
    """Choose a form of each layer, of all that cost at most `budget` together; the cheapest of each where none do."""
    tables = [
        (np.array([option.cost for option in choices]), np.square([option.error for option in choices]))
        for choices in layers
    ]

    def at(price: float) -> list[Option]:
        pairs = zip(layers, tables, strict=True)
        return [choices[int(np.argmin(lost + price * cost))] for choices, (cost, lost) in pairs]

    def total(chosen: list[Option]) -> float:
        return sum(option.cost for option in chosen)

    best = [min(choices, key=lambda option: (option.cost, option.error)) for choices in layers]
    low, high = 1e-30, 1e10
    if total(at(low)) <= budget:
        return at(low)
    for _ in range(_HALVINGS * 2):
        price = math.sqrt(low * high)
        chosen = at(price)
        if total(chosen) <= budget:
            best, high = chosen, price
        else:
            low = price
    return best
