"""Gradual pruning of a model's lookup layers: when, to which budget, by which worth, and the masks that it sets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from lcnn_train.convert.samples import shapes_of_calls
from lcnn_train.layers import sparsity
from lcnn_train.training.gradual.allocation import Stock, allocate, largest
from lcnn_train.training.gradual.costs import CostOf, LayerCost, cost_function

SCORES = ("magnitude", "taylor")
DICTIONARIES = ("keep", "shrink")
_REGROWN = 1e-3  # of sigma: what an entry starts with that comes back


@dataclass(frozen=True)
class GradualSettings:
    """How lookups are taken away; `begin` and `end` are steps of the training.

    target: the share of the cost of the layers' dense equivalents that is left in the end. of: "lookups",
        "multiplications", "milliseconds" of this machine, or a function of a layer that gives its LayerCost.
    every: steps between two events. The cost falls from that of all lookups as 1 - (1 - t)^3 does, with t going from
        0 to 1 between `begin` and `end`: fast while much is superfluous (Zhu and Gupta, 2017).
    score: "magnitude" or "taylor", see Pruner. regrow: the share of the budget that, in an event, goes to entries that
        are 0, where the gradient is largest; it falls to 0 towards `end` as half a cosine (RigL, Evci et al., 2020).
    dictionaries: "keep" every atom, or "shrink": atoms go where their lookups are not worth the row of S.
    dictionaries_of: the same by layer name, where it is another.
    """

    target: float
    end: int
    begin: int = 0
    every: int = 100
    of: str | CostOf = "multiplications"
    score: str = "magnitude"
    regrow: float = 0.0
    dictionaries: str = "keep"
    dictionaries_of: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check("target", 0 < self.target <= 1, "a number over 0 and at most 1", self.target)
        _check("begin, end", 0 <= self.begin < self.end, "0 <= begin < end", (self.begin, self.end))
        _check("every", self.every >= 1, "at least 1", self.every)
        _check("score", self.score in SCORES, f"one of {', '.join(SCORES)}", self.score)
        _check("regrow", 0 <= self.regrow < 1, "a number of at least 0 and under 1", self.regrow)
        for choice in (self.dictionaries, *self.dictionaries_of.values()):
            _check("dictionaries", choice in DICTIONARIES, f"one of {', '.join(DICTIONARIES)}", choice)
        cost_function(self.of)

    def progress(self, step: int) -> float:
        """Say how far the schedule is after so many steps, 0 to 1."""
        return min(max((step - self.begin) / (self.end - self.begin), 0.0), 1.0)

    def is_due(self, before: int, step: int) -> bool:
        """Tell whether there is an event after step `before`, at `step` at the latest; `end` is always one."""
        last = min(step, self.end)
        if step <= self.begin or before >= self.end:
            return False
        first = max(before, self.begin)
        return last == self.end or (last - self.begin) // self.every > (first - self.begin) // self.every


class Pruner:
    """Takes lookups of a model's layers away, step by step of its training.

    The worth of an entry is its *energy*. By magnitude that is the square of what it adds to its filter, |P| times the
    length of its atom, as a share of the layer's: a layer's scale means nothing where a norm follows it. By the Taylor
    estimate it is (P * gradient)^2, the square of what the loss would change by (Molchanov et al., 2019). Entries that
    share one fate add up their energies, which is the size that Rule has, but for what they are measured against.
    Kept is what is worth most for its cost, over all layers, see ``allocation``; of every layer at least as many
    blocks as a tap has, one lookup a filter, so that none falls silent.

    It holds nothing that changes: masks and P are the model's, and the schedule goes by the step alone. So a training
    that goes on from a checkpoint goes on to the bit.

    Raises ValueError for a model without lookup layers, a name that no layer has, and a target that cannot be reached,
    with the nearest that can.
    """

    def __init__(self, model: keras.Model, settings: GradualSettings):
        self.settings, self.layers = settings, sparsity.lookup_layers(model)
        if not self.layers:
            raise ValueError(
                f"{model.name} has no lookup layers to take lookups from; "
                "lookup_model(model, dictionary=None, threshold=0, l1=0) makes some"
            )
        names = [layer.name for layer in self.layers]
        unknown = sorted(settings.dictionaries_of.keys() - set(names))
        _check("dictionaries_of", not unknown, f"names of lookup layers, of {', '.join(names)}", unknown)
        cost_of = cost_function(settings.of, shapes_of_calls(model))
        self.costs: list[LayerCost] = [cost_of(layer) for layer in self.layers]
        self.whole = sum(cost.whole for cost in self.costs)
        self.full = sum(_full_cost(*pair) for pair in self._pairs())
        self._check_target()

    @property
    def needs_gradients(self) -> bool:
        return self.settings.score == "taylor" or self.settings.regrow > 0

    def budget(self, step: int) -> float:
        """Return what lookups and atoms may cost after so many steps."""
        target = self.settings.target * self.whole
        return target + (self.full - target) * (1 - self.settings.progress(step)) ** 3

    def share(self) -> float:
        """Return what the layers cost now, as a share of their dense equivalents."""
        masks = [layer.surviving() for layer in self.layers]
        stocks = [
            self._stock(number, np.ones(1), _blocks(layer, mask))
            for number, (layer, mask) in enumerate(zip(self.layers, masks, strict=True))
        ]
        return sum(stock.cost(stock.available) for stock in stocks) / self.whole

    def prune(self, step: int, gradients: Sequence[np.ndarray] | None = None) -> None:
        """Bring the masks to the budget of a step; `gradients` at every entry of P, where they are needed.

        Raises ValueError, and changes nothing, where weights or gradients are no longer finite.
        """
        found: Sequence[np.ndarray | None] = [None] * len(self.layers) if gradients is None else gradients
        living = [_blocks(layer, layer.surviving()) for layer in self.layers]
        budget = self.budget(step)
        grown = (
            self._grown(living, found, step, budget)
            if self.settings.regrow
            else [np.zeros((1, 1, 1), bool)] * len(living)
        )
        stocks = [
            self._with_fixed(number, self._stock(number, self._finite_energy(layer, gradient), alive))
            for number, (layer, gradient, alive) in enumerate(zip(self.layers, found, living, strict=True))
        ]
        of_grown = sum(
            cost.entry * float((new.sum(axis=0) * _counts(layer)).sum())
            for (layer, cost), new in zip(self._pairs(), grown, strict=True)
        )
        kept = allocate(stocks, budget - of_grown)
        for layer, old, new, gradient in zip(self.layers, kept, grown, found, strict=True):
            _apply(layer, old, new & _in_use(layer, old), gradient)

    def _pairs(self) -> list[tuple[Any, LayerCost]]:
        return list(zip(self.layers, self.costs, strict=True))

    def _shrinks(self, layer: Any) -> bool:
        choice = self.settings.dictionaries_of.get(layer.name, self.settings.dictionaries)
        return layer.D is not None and choice == "shrink"

    def _energy(self, layer: Any, gradient: np.ndarray | None) -> np.ndarray:
        """The energy of each block of P, (taps, K, N)."""
        P = _numpy(layer.sparse_P())
        if self.settings.score == "taylor":
            return _sums(layer, np.square(P * gradient))
        if layer.D is not None:
            P = P * np.linalg.norm(_numpy(layer.D).reshape(-1, layer.atoms), axis=0)[:, None]
        energy = _sums(layer, np.square(P))
        return energy / (float(energy.sum()) or 1.0)

    def _finite_energy(self, layer: Any, gradient: np.ndarray | None) -> np.ndarray:
        energy = self._energy(layer, gradient)
        if not np.isfinite(energy).all():
            raise ValueError(
                f"layer {layer.name}: expected finite weights and gradients to choose lookups by, found others: the "
                "training has diverged; lower the learning rate"
            )
        return energy

    def _stock(self, number: int, energy: np.ndarray, available: np.ndarray) -> Stock:
        layer, cost = self.layers[number], self.costs[number]
        atoms = layer.atoms_of
        sizes = np.minimum(atoms, layer.atoms - np.arange(0, layer.atoms, atoms))
        return Stock(energy, available, _counts(layer), sizes, cost.entry, cost.atom, self._shrinks(layer))

    def _with_fixed(self, number: int, stock: Stock) -> Stock:
        layer = self.layers[number]
        fixed = largest(stock.energy, stock.available, _least_blocks(layer), stock.shrinks)
        return replace(stock, fixed=fixed)

    def _grown(
        self, living: Sequence[np.ndarray], gradients: Sequence[Any], step: int, budget: float
    ) -> list[np.ndarray]:
        """Blocks that are 0 now and come back: those where a step along the gradient gains most for its cost."""
        share = self.settings.regrow * 0.5 * (1 + math.cos(math.pi * self.settings.progress(step)))
        stocks = []
        for layer, cost, alive, gradient in zip(self.layers, self.costs, living, gradients, strict=True):
            available = ~alive & _in_use(layer, alive)
            sizes = np.zeros(alive.shape[1])  # atoms that are there already cost nothing more
            stocks.append(Stock(_sums(layer, np.square(gradient)), available, _counts(layer), sizes, cost.entry))
        of_atoms = sum(cost.atom * layer.atoms for layer, cost in self._pairs() if not self._shrinks(layer))
        return allocate(stocks, share * (budget - of_atoms))

    @property
    def least(self) -> float:
        """What the layers cost at least: their dictionaries, and the blocks that are never taken away."""
        least = 0.0
        for layer, cost in self._pairs():
            atoms, filters = layer.rule.blocks
            least += cost.atom * (min(atoms, layer.atoms) if self._shrinks(layer) else layer.atoms)
            least += cost.entry * min(_least_blocks(layer) * atoms * filters, math.prod(layer.P.shape))
        return least

    def _check_target(self) -> None:
        least = self.least
        if self.settings.target * self.whole >= least:
            return
        nearest = math.ceil(least / self.whole * 1e4) / 1e4
        remedies = ["that"] if nearest <= 1 else ["smaller dictionaries or none"]
        if any(cost.atom and not self._shrinks(layer) for layer, cost in self._pairs()):
            remedies.append('dictionaries="shrink"')
        raise ValueError(
            f"target: expected a share that dictionaries and one lookup a filter leave room for; found "
            f"{self.settings.target}, the nearest is {nearest:.4f}. Take {', or '.join(remedies)}"
        )


def _check(name: str, fits: bool, expected: str, found: Any) -> None:
    if not fits:
        raise ValueError(f"{name}: expected {expected}; found {found!r}")


def _full_cost(layer: Any, cost: LayerCost) -> float:
    return cost.entry * sparsity.most_lookups(layer) + cost.atom * layer.atoms


def _least_blocks(layer: Any) -> int:
    """The blocks of a layer that are never taken away: as many as it has groups of filters."""
    return -(-int(layer.P.shape[-1]) // layer.groups_of)


def _counts(layer: Any) -> np.ndarray:
    return sparsity.block_counts(layer.P.shape, layer.rule.blocks)


def _sums(layer: Any, values: np.ndarray) -> np.ndarray:
    """Values of P's shape, added up over each block: (taps, K, N)."""
    return _by_tap(_numpy(sparsity.block_sums(values, layer.rule.blocks)))


def _blocks(layer: Any, mask: Any) -> np.ndarray:
    """A mask of P's shape, by blocks: (taps, K, N)."""
    return _by_tap(_numpy(sparsity.whole_blocks(mask, layer.rule.blocks)))


def _in_use(layer: Any, blocks: np.ndarray) -> np.ndarray:
    """Which atoms have a lookup, (K, 1); without a dictionary all: they are there anyway."""
    used = np.asarray(blocks.any(axis=(0, 2)))[:, None]
    return used if layer.D is not None else np.ones_like(used)


def _by_tap(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, *values.shape[-2:])


def _numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def _apply(layer: Any, kept: np.ndarray, grown: np.ndarray, gradient: np.ndarray | None) -> None:
    """Set a layer's mask, and P to 0 where it says so; what is grown starts small, downhill."""
    P = _numpy(layer.sparse_P())
    leading, rule = P.shape[:-2], layer.rule

    def spread(mask: np.ndarray) -> np.ndarray:
        return _numpy(sparsity.spread(mask.reshape(*leading, *mask.shape[-2:]), rule.blocks, P.shape))

    mask = spread(kept)
    P = np.where(mask, P, 0)
    if grown.any() and gradient is not None:
        new = spread(grown & ~kept)
        start = max(2 * layer.epsilon, _REGROWN * sparsity.sigma(P.shape))
        P = np.where(new, np.where(gradient > 0, -start, start).astype(P.dtype), P)
        mask |= new
    layer.alive.assign(mask)
    layer.P.assign(P)
