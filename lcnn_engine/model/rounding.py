"""How far a kernel may be off the reference: what rounding to float32 can do to a node, given the node's own inputs.

A sum of n products in float32 is off by some units in the last place of the sum of the |products|, not of the result,
which may be much smaller where they cancel. So the bound is made of both: a part of the node's largest |output|, which
functions like exp and tanh need, and a few units of that sum, which grows with the length of sums. A wrong weight,
axis, padding or activation is far outside of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .geometry import Resize2D
from .interpolation import taps_of
from .reference import OPERATIONS, Float32, Float64, NodeLike
from .reference_geometry import interpolated

__all__ = ["TOLERANCE", "UNITS", "magnitude", "share_of_allowed"]

TOLERANCE = 1e-5  # of the largest |output| of a node
UNITS = 8.0  # roundings to float32, each of 2**-24
_OF_SIGNS = ("softmax", "log_softmax", "lrn")  # they are no sums of products of what they are given


def magnitude(
    node: NodeLike, inputs: Sequence[Float32], tensors: Mapping[str, Any], expected: Float32
) -> Float32 | Float64:
    """Compute the sum of |w| |x| behind every output of a node; ``expected`` is what the node gives.

    ``tensors`` go by their names in the node. The result has the shape of ``expected``.
    """
    if node.op in _OF_SIGNS:
        return np.abs(expected)
    if isinstance(node, Resize2D):  # some of a cubic's weights are negative
        axes = (
            (indices, np.abs(weights)) for indices, weights in (taps_of(node, i, inputs[0].shape[i]) for i in (0, 1))
        )
        return interpolated(np.abs(inputs[0]), *axes)
    attributes = dict(node.attributes())
    steepness = _steepness(attributes, expected)
    if "activation" in attributes:
        attributes |= {"activation": "linear", "alpha": None}
    absolute = {key: np.abs(tensor) if tensor.dtype.kind == "f" else tensor for key, tensor in tensors.items()}
    if node.op in ("layer_norm", "group_norm"):  # means may be far above deviations: |x| / deviation * |scale|
        return _norm_magnitude(node.op, inputs[0], absolute, attributes)
    op = "add" if node.op == "subtract" else node.op
    return steepness * np.abs(OPERATIONS[op](*map(np.abs, inputs), **absolute, **attributes))


def _steepness(attributes: Mapping[str, Any], expected: Float32) -> float | Float64:
    """Give how much an activation that gives ``expected`` makes of an error in what it is given."""
    y, activation = expected.astype(np.float64), attributes.get("activation")
    if activation == "exponential":
        return np.abs(y)
    if activation == "log":
        return np.exp(-y)
    if activation == "sqrt":
        return 0.5 / np.maximum(y, 1e-3)
    if activation == "selu":
        return 1.76
    return max(1.0, abs(attributes.get("alpha") or 0.0))  # of leaky_relu and elu; the others' is about 1 at most


def _norm_magnitude(op: str, x: Float32, tensors: Mapping[str, Any], attributes: Mapping[str, Any]) -> Float64:
    shape, channels = x.shape, x.shape[-1]
    plain = {"scale": np.ones(channels, np.float32), "shift": np.zeros(channels, np.float32)}
    normal = np.abs(OPERATIONS[op](x, **plain, **attributes)).astype(np.float64)
    axes: Any = -1
    if op == "group_norm":
        groups = attributes["groups"]
        normal = normal.reshape(*x.shape[:2], groups, -1)
        x, axes = x.reshape(normal.shape), (0, 1, 3)
    mean = np.abs(x.mean(axis=axes, keepdims=True, dtype=np.float64))
    deviation = np.sqrt(x.var(axis=axes, keepdims=True, dtype=np.float64) + attributes["epsilon"])
    magnitude = (normal + mean / np.maximum(deviation, 1e-30)).reshape(shape)
    return magnitude * tensors["scale"] + tensors["shift"]


def share_of_allowed(
    found: np.ndarray,
    expected: np.ndarray,
    magnitude: np.ndarray,
    tolerance: float = TOLERANCE,
    slack: np.ndarray | None = None,
) -> float:
    """Compute the largest |found - expected| as a share of what is allowed there: over 1 is no rounding.

    ``slack``: of the same shape, what is allowed beyond rounding to float32.
    Infinite where one is not finite and the other differs.
    """
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    if same.all():
        return 0.0
    if not np.isfinite(found[~same]).all() or not np.isfinite(expected[~same]).all():
        return float("inf")
    largest = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    allowed = tolerance * largest + UNITS * 2.0**-24 * magnitude[~same].astype(np.float64)
    if slack is not None:
        allowed += slack[~same]
    difference = np.abs(found[~same].astype(np.float64) - expected[~same])
    with np.errstate(divide="ignore"):
        return float((difference / allowed).max())
