"""Which lookups of all layers are kept for a budget: one price for all decides, NumPy alone.

Keep what is worth most, where the sum of its costs is limited: the Lagrangian of that gives every unit of cost a price,
and whatever is worth more than its cost at that price is kept. A block of entries is worth its energy, and costs what
its lookups do. An atom of a dictionary costs its row of S besides, and is kept if its blocks, those that pay for
themselves, bring that in together. The higher the price the less is kept, so the price is found by bisection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_HALVINGS = 60
_NEAR = 1e-4  # of the budget may be left over: in AlexNet a halving takes a quarter of a second


@dataclass(frozen=True)
class Stock:
    """What may be kept of one layer. P's blocks lie as (taps, K, N).

    energy: of each block, at least 0. available: which may be kept at all.
    counts: entries in a block (K, N); atoms: how many a block of atoms has (K,). entry, atom: costs of one.
    shrinks: whether atoms are given up too; else all are paid for.
    fixed: blocks that are kept at any price.
    """

    energy: np.ndarray
    available: np.ndarray
    counts: np.ndarray
    atoms: np.ndarray
    entry: float
    atom: float = 0.0
    shrinks: bool = False
    fixed: np.ndarray | None = None

    def kept(self, price: float) -> np.ndarray:
        """Make the mask of the blocks that are worth what they cost."""
        cost = price * self.entry * self.counts
        mask = self.available & (self.energy >= cost)
        if self.fixed is not None:
            mask |= self.fixed
        if self.shrinks:
            worth = np.where(mask, self.energy - cost, 0).clip(0).sum(axis=(0, 2))
            used = worth >= price * self.atom * self.atoms
            if self.fixed is not None:
                used |= self.fixed.any(axis=(0, 2))
            mask &= used[:, None]
        return mask

    def cost(self, mask: np.ndarray) -> float:
        """Add up what the blocks of a mask cost, with the atoms."""
        entries = float((mask.sum(axis=0) * self.counts).sum())
        used = mask.any(axis=(0, 2)) if self.shrinks else np.ones(len(self.atoms), bool)
        return self.entry * entries + self.atom * float(self.atoms[used].sum())

    def highest_price(self) -> float:
        """Find a price at which nothing but what is fixed is kept."""
        return 2 * float((self.energy / (self.entry * self.counts)).max(initial=0.0, where=self.available))


def allocate(stocks: Sequence[Stock], budget: float) -> list[np.ndarray]:
    """Choose the blocks of all layers that together cost at most `budget`; a mask (taps, K, N) of each.

    What is fixed is kept also where it alone costs more.
    """

    def at(price: float) -> tuple[list[np.ndarray], float]:
        masks = [stock.kept(price) for stock in stocks]
        return masks, sum(stock.cost(mask) for stock, mask in zip(stocks, masks, strict=True))

    best, cost = at(0.0)
    if cost <= budget:
        return best
    high = max(stock.highest_price() for stock in stocks)
    low, best = high * 2.0**-100, at(high)[0]
    for _ in range(_HALVINGS):
        price = np.sqrt(low * high)
        masks, cost = at(price)
        if cost <= budget:
            best, high = masks, price
            if cost >= budget * (1 - _NEAR):
                break
        else:
            low = price
    return best


def largest(energy: np.ndarray, available: np.ndarray, count: int, of_one_atom: bool = False) -> np.ndarray:
    """Make the mask of the `count` available blocks of most energy; `of_one_atom`: of the atom that has most alone."""
    energy = np.where(available, energy, -1)
    if of_one_atom:
        atom = int(energy.clip(0).sum(axis=(0, 2)).argmax())
        others = np.arange(energy.shape[1]) != atom
        energy[:, others] = -1
    mask = np.zeros(energy.size, bool)
    mask[np.argpartition(-energy.ravel(), min(count, energy.size) - 1)[:count]] = True
    return mask.reshape(energy.shape) & (energy > 0)
