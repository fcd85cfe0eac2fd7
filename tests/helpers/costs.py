"""Costs of networks that were never trained."""

from __future__ import annotations

from functools import lru_cache

from lcnn_engine.analysis.cost import totals
from lcnn_train.models import build
from lcnn_train.reports.cost import count, without_values

# Densities of P that tf-lcnn published for MNIST, conv1 .. conv5, fc6, fc7.
FAST_MNIST = (0.083, 0.034, 0.008, 0.013, 0.027, 0.001, 0.002)


@lru_cache
def total(name, variant, density=None, **settings):
    """Sums over the layers of a network that was never trained."""
    return totals(count(without_values(lambda: build(name, variant=variant, **settings)), density))
