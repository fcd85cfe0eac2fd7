"""The lookup layers of a copy, fitted one after the other to what the model's layers give for samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from lcnn_train.convert.factorization import Factors, error, scaled
from lcnn_train.convert.fitting import Form, fitted
from lcnn_train.convert.gram import Moments, by_atoms
from lcnn_train.convert.pruning import Selection
from lcnn_train.convert.samples import SideBySide, kernel_of
from lcnn_train.layers import sparsity

_LEAST_SPREAD = 0.1  # of a channel's variance: what a batch norm makes up for


def calibrated(
    model: keras.Model, copies: Mapping[Any, Any], layers: Sequence[Any], samples: list[np.ndarray],
    counts: Mapping[str, int], seed: int,
) -> Iterator[tuple[Any, float]]:  # fmt: skip
    """Fit the lookup layers in the places of `layers`, and correct the norms after them; give each with its error.

    copies: what stands in the copy for each layer of the model. counts: lookups of a layer, by its name, where they are
    not `lookups_per_tap`. The error is |Y' - Y| / |Y| of the layer's outputs before its activation, over the samples.
    """
    both = SideBySide(model, copies, layers, samples, seed)
    for layer, moments in both.each():
        new = copies[layer]
        fit(new, layer, moments, counts.get(layer.name), seed)
        K = composed(new)
        if layer.bias is not None:
            new.bias.assign(_numpy(layer.bias) + moments.mean_y - K @ moments.mean_x)
        norm = both.norm_after(layer)
        if norm is not None:
            _correct(copies[norm], moments, K, layer)
        yield layer, moments.error(K)


def fit(new: Any, layer: Any, moments: Moments, count: int | None, seed: int) -> None:
    """Give a lookup layer the D and P that answer the moments of the layer in whose place it stands."""
    W, taps = kernel_of(layer)
    selection = None
    if count is not None or new.lookups_per_tap is not None:
        per_tap = new.lookups_per_tap if count is None else None
        selection = Selection(taps, per_tap, count, new.groups_of, new.atoms_of)
    D, P = fitted(moments, W, taps, Form(new.dictionary, selection), seed)
    assign(new, D, P.reshape(len(P), taps, -1))


def assign(new: Any, D: np.ndarray, P: np.ndarray) -> None:
    """Set D (k, m), unless there is none, and P (n, taps, k) of a lookup layer, as large as its threshold expects."""
    if new.D is not None:
        D, P = scaled(D, P, sparsity.sigma(new.P.shape))
        new.D.assign(D.T.reshape(new.D.shape))
    new.P.assign(P.transpose(1, 2, 0).reshape(new.P.shape))


def assign_bias(new: Any, bias: Any) -> None:
    """Give a layer the values of another's bias. They are copied: a step of JAX gives up the arrays that it trains."""
    new.bias.assign(np.array(_numpy(bias)))


def factors(new: Any) -> Factors:
    """Give D (k, m) and P (n, taps, k) that a lookup layer computes with, float64.

    Without a dictionary each channel counts as a tap, and D as one atom of one channel: a product with I takes longer
    than all the rest.
    """
    P = _numpy(new.sparse_P()).astype(np.float64)
    k, n = P.shape[-2:]
    if new.D is None:
        return np.eye(1), P.reshape(-1, n).T[..., None]
    return _numpy(new.D).astype(np.float64).reshape(-1, k).T, P.reshape(-1, k, n).transpose(2, 0, 1)


def composed(new: Any) -> np.ndarray:
    """Give the kernel (n, taps * m) that a lookup layer computes with."""
    D, P = factors(new)
    return by_atoms(P.reshape(len(P), -1), D.T, P.shape[1])


def weight_error(new: Any, layer: Any) -> float:
    """Calculate |W - P D| / |W| of a lookup layer in the place of one with the kernel W."""
    D, P = factors(new)
    return error(kernel_of(layer)[0].reshape(*P.shape[:2], -1), D, P)


def _correct(norm: Any, moments: Moments, K: np.ndarray, layer: Any) -> None:
    """Let the batch norm after a layer give each channel the mean and the variance that it had, the kernel now K.

    The statistics that it was trained with were not exactly those of the samples, so they move by the difference.
    """
    spread, wanted = np.einsum("nt,nt->n", K, moments.times(K)), moments.spread_y
    varies = (wanted > 0) & (spread > 0)
    ratio = np.where(varies, spread / np.where(varies, wanted, 1), 1).clip(_LEAST_SPREAD, 1 / _LEAST_SPREAD)
    mean, variance = _numpy(norm.moving_mean).astype(np.float64), _numpy(norm.moving_variance).astype(np.float64)
    before = now = moments.mean_y if layer.bias is None else moments.mean_y + _numpy(layer.bias)
    if layer.bias is None:  # else it has brought the mean back
        now = K @ moments.mean_x
    norm.moving_mean.assign(now - (before - mean) * np.sqrt(ratio))
    norm.moving_variance.assign(np.maximum((variance + norm.epsilon) * ratio - norm.epsilon, 0))


def _numpy(values: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(values))
