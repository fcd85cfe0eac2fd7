"""What one lookup, and one atom, of a layer take on one core of this machine, as the engine predicts it.

By multiplications a lookup of a dense layer costs 1 and one of a convolution its positions; in time the first, a value
that is gathered, takes several times as long as one of the others' positions, which lie in vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lcnn_engine import estimate
from lcnn_engine.model import graph as g
from lcnn_train.layers import sparsity

Shapes = Sequence[tuple[tuple[Any, ...], ...]]  # of input and output of each call, without the batch

_FEW, _MORE = 0.02, 0.04  # densities between which a lookup is priced: networks come to about these
_INPUT = "x"


def predicted(layer: Any, shapes: Shapes) -> tuple[float, float, float]:
    """Predict milliseconds of a built lookup layer: of a lookup, of an atom, and of the dense equivalent.

    A lookup is what more of them take at a few per cent, an atom its row of S. Lookups lie at random, in the groups and
    pairs of the layer.
    """
    few, more = (_with_lookups(layer, shapes, density) for density in (_FEW, _MORE))
    whole = sum(_dense(layer, source) for source, _ in shapes)
    slope = (more[0] - few[0]) / max(1, more[1] - few[1])
    entry = slope if slope > 0 else whole / math.prod(layer.P.shape)
    if layer.D is None:
        return entry, 0.0, whole
    without = _with_lookups(layer, shapes, _FEW, dictionary=False)
    return entry, max(0.0, few[0] - without[0]) / layer.atoms, whole


def _with_lookups(layer: Any, shapes: Shapes, density: float, dictionary: bool = True) -> tuple[float, int]:
    """Milliseconds of all calls with random lookups, and how many lookups those are; without D, S is the input."""
    tensors = _lookups(layer, density)
    total = 0.0
    for source, _ in shapes:
        m = source[-1]
        if layer.D is None or not dictionary:
            m = layer.atoms
        else:
            tensors["node/dictionary"] = np.ones((layer.atoms, m), np.float32)
        total += _milliseconds(layer, g.LookupConv2D, (*_image(source)[:2], m), tensors)
    return total, len(tensors["node/indices"])


def _lookups(layer: Any, density: float) -> dict[str, np.ndarray]:
    """The tensors of a lookup node with whole blocks of entries chosen by a seed."""
    shape, blocks = tuple(layer.P.shape), layer.rule.blocks
    atoms, filters = blocks
    counts = (*shape[:-2], -(-shape[-2] // atoms), -(-shape[-1] // filters))
    chosen = np.zeros(math.prod(counts), bool)
    number = max(1, round(density * chosen.size))
    chosen[np.random.default_rng(0).choice(chosen.size, number, replace=False)] = True
    mask = np.asarray(sparsity.spread(chosen.reshape(counts), blocks, shape)).reshape(-1, shape[-1]).T
    rows, indices = np.nonzero(mask)
    return {
        "node/indptr": np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(mask)))]).astype(np.int32),
        "node/indices": indices.astype(np.int32),
        "node/coefficients": np.ones(len(indices), np.float32),
    }


def _dense(layer: Any, source: tuple[Any, ...]) -> float:
    n, (kh, kw) = layer.P.shape[-1], _kernel_size(layer)
    kernel = np.ones((n, source[-1], kh, kw), np.float32)
    return _milliseconds(layer, g.Conv2D, _image(source), {"node/kernel": kernel})


def _milliseconds(layer: Any, kind: type, shape: tuple[int, ...], tensors: dict[str, np.ndarray]) -> float:
    padding = layer.explicit_padding((None, *shape)) if hasattr(layer, "explicit_padding") else (0,) * 4
    node = kind(
        name="node",
        inputs=(_INPUT,),
        filters=int(layer.P.shape[-1]),
        kernel_size=_kernel_size(layer),
        strides=tuple(getattr(layer, "strides", (1, 1))),
        padding=padding,
        dilation=tuple(getattr(layer, "dilation_rate", (1, 1))),
    )
    network = g.Graph("layer", g.Input(_INPUT, shape), "node", (node,))
    return estimate(network, tensors)["node"]


def _kernel_size(layer: Any) -> tuple[int, int]:
    return tuple(getattr(layer, "kernel_size", (1, 1)))


def _image(shape: tuple[Any, ...]) -> tuple[int, int, int]:
    """(h, w, m) of an input: a vector is an image of one pixel."""
    return shape if len(shape) == 3 else (1, math.prod(shape[:-1]), shape[-1])
