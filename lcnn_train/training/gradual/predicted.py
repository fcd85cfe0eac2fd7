"""What lookups and atoms of a layer take on this machine, in the milliseconds that the engine predicts of them.

A layer's time is taken for a line: what it takes in any case (to lay out a strided input anew, to store the result), so
much for every lookup, and so much for every row of S. The line goes through the engine's predictions for layers of this
shape and structure with few and with more lookups, and with half of the atoms. Nothing is run for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lcnn_engine import estimate
from lcnn_engine.model import graph as graphs
from lcnn_train.layers import sparsity
from lcnn_train.layers.geometry import explicit_padding
from lcnn_train.training.gradual.costs import Calls, LayerCost, shapes_of

_FEW, _MORE = 1 / 32, 1 / 8  # of the blocks of P: what networks end with, and twice what would be multiplied out again
_LEAST = 1e-9  # milliseconds: a cost of 0 would have no price


def in_milliseconds(layer: Any, calls: Calls = ()) -> LayerCost:
    """Predict the milliseconds of one input on one core, in float32. `layer` is a built lookup layer.

    `calls`: the shapes of input and output, without the batch, of each call of the layer, where a model knows them.
    Raises ValueError for a layer that has no input of a known size.
    """
    shapes = [(source, _Shape(layer, source)) for source, _ in shapes_of(layer, calls, "milliseconds")]
    few, more = _mask(layer, _FEW, layer.atoms), _mask(layer, _MORE, layer.atoms)
    few_time, more_time = (sum(one.lookups(mask) for _, one in shapes) for mask in (few, more))
    entry = max((more_time - few_time) / max(int(more.sum()) - int(few.sum()), 1), _LEAST)
    atom = 0.0
    if layer.D is not None and layer.atoms > 1:
        half = -(-layer.atoms // 2)
        fewer = _mask(layer, _FEW, half)
        left = (
            few_time - entry * int(few.sum()),
            sum(one.lookups(fewer) for _, one in shapes) - entry * int(fewer.sum()),
        )
        atom = max((left[0] - left[1]) / (layer.atoms - half), 0.0)
    fixed = max(few_time - entry * int(few.sum()) - atom * layer.atoms, 0.0)
    return LayerCost(entry, atom, max(sum(one.dense() for _, one in shapes), _LEAST), fixed)


@dataclass(frozen=True)
class _Shape:
    """A lookup layer on an input of `source`, (H, W, m) or (m,): what the engine is asked about."""

    layer: Any
    source: Sequence[int]

    def lookups(self, mask: np.ndarray) -> float:
        """Predict the milliseconds with the lookups of a mask of P's shape; atoms without any are left out."""
        used = np.arange(self.layer.atoms)
        if self.layer.D is not None:
            used = np.flatnonzero(mask.any(axis=(*range(mask.ndim - 2), -1)))
        rows = mask[..., used, :].reshape(-1, mask.shape[-1]).T
        filters, indices = np.nonzero(rows)
        tensors = {
            "indptr": np.concatenate([[0], np.cumsum(np.bincount(filters, minlength=len(rows)))]).astype(np.int32),
            "indices": indices.astype(np.int32),
            "coefficients": np.ones(len(indices), np.float32),
        }
        if self.layer.D is not None:
            tensors["dictionary"] = np.ones((len(used), self.source[-1]), np.float32)
        return self._time(graphs.LookupDense if self._is_vector else graphs.LookupConv2D, tensors)

    def dense(self) -> float:
        """Predict the milliseconds of the dense equivalent."""
        *taps, _, filters = self.layer.P.shape
        taps = taps or [1, 1]
        kernel = np.ones((filters, self.source[-1], *(() if self._is_vector else taps)), np.float32)
        return self._time(graphs.Dense if self._is_vector else graphs.Conv2D, {"kernel": kernel})

    @property
    def _is_vector(self) -> bool:
        return len(self.source) == 1

    def _time(self, kind: Any, tensors: Mapping[str, np.ndarray]) -> float:
        """Of the layer behind another one, for what the network's input takes to be laid out is not its own."""
        before: list[Any] = [graphs.Activation(name="before", inputs=("x",), activation="relu")]
        if self._is_vector:
            before.append(graphs.Flatten(name="flat", inputs=("before",)))
        layer = kind(name="layer", inputs=(before[-1].name,), **self._attributes())
        *places, channels = self.source
        source = (*places, channels) if len(places) == 2 else (math.prod(places), 1, channels)
        graph = graphs.Graph("layer", graphs.Input("x", source), "layer", (*before, layer))
        return estimate(graph, {f"layer/{name}": tensor for name, tensor in tensors.items()})["layer"]

    def _attributes(self) -> dict[str, Any]:
        layer, filters = self.layer, int(self.layer.P.shape[-1])
        if self._is_vector:
            return {"units": filters}
        if len(layer.P.shape) == 2:  # a dense layer on the channels of an image
            return {"filters": filters, "kernel_size": (1, 1), "strides": (1, 1), "padding": (0, 0, 0, 0)}
        padding = explicit_padding(
            layer.padding, tuple(self.source[:2]), layer.kernel_size, layer.strides, layer.dilation_rate
        )
        return {
            "filters": filters,
            "kernel_size": layer.kernel_size,
            "strides": layer.strides,
            "dilation": layer.dilation_rate,
            "padding": padding,
        }


def _mask(layer: Any, share: float, atoms: int) -> np.ndarray:
    """Spread a share of the blocks of P over its first `atoms` atoms, at random: as many for each group of filters."""
    by_atoms, by_filters = layer.rule.blocks
    *taps, all_atoms, filters = layer.P.shape
    count, groups = math.prod(taps) * -(-atoms // by_atoms), -(-filters // by_filters)
    first = np.zeros((count, groups), bool)
    first[: max(1, round(share * count))] = True
    kept = np.zeros((*taps, -(-all_atoms // by_atoms), groups), bool)
    kept[..., : -(-atoms // by_atoms), :] = np.random.default_rng(0).permuted(first, axis=0).reshape(*taps, -1, groups)
    return np.asarray(keras.ops.convert_to_numpy(sparsity.spread(kept, layer.rule.blocks, layer.P.shape)))
