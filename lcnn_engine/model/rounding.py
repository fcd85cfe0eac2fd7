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

from .reference import OPERATIONS, Float32, Float64, NodeLike

__all__ = ["TOLERANCE", "UNITS", "magnitude", "share_of_allowed"]

TOLERANCE = 1e-5  # of the largest |output| of a node
UNITS = 8.0  # roundings to float32, each of 2**-24
_OF_SIGNS = ("softmax", "lrn")  # they are no sums of products of what they are given


def magnitude(
    node: NodeLike, inputs: Sequence[Float32], tensors: Mapping[str, Any], expected: Float32
) -> Float32 | Float64:
    """Compute the sum of |w| |x| behind every output of a node; ``expected`` is what the node gives.

    ``tensors`` go by their names in the node. The result has the shape of ``expected``.
    """
    if node.op in _OF_SIGNS:
        return np.abs(expected)
    attributes = dict(node.attributes())
    steepness = max(1.0, abs(attributes.get("alpha") or 0.0))  # of leaky_relu; the others' is about 1 at most
    if "activation" in attributes:
        attributes |= {"activation": "linear", "alpha": None}
    absolute = {key: np.abs(tensor) if tensor.dtype.kind == "f" else tensor for key, tensor in tensors.items()}
    return steepness * np.abs(OPERATIONS[node.op](*map(np.abs, inputs), **absolute, **attributes))


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
