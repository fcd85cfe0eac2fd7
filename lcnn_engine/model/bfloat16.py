"""The definition of bfloat16: what of a network is rounded to 8 bits, and where. Everything else is float32's.

A float32 becomes the nearest number of 8 significant bits, the even one of two as near; one below 2^-126 becomes 0, and
what is out of range an infinity. Products are summed up in float32 (here, as everywhere in the definitions, float64).
Biases and activations are float32. By layer:

- ``conv2d`` of one group: the input and the kernel are rounded.

A layer whose weights would become infinite is computed in float32. All of this depends on the model's tensors alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .reference import Float32, NodeLike  # no plan imports the definitions

__all__ = ["is_rounded", "round_to_bfloat16", "to_bits"]

STEP = 2.0**-7  # from one number to the next, as a part of the power of two below it
LARGEST = (2 - STEP / 2) * 2.0**127  # what is no less becomes an infinity

Tensors = Mapping[str, NDArray[Any]]


def to_bits(x: NDArray[Any]) -> NDArray[np.uint16]:
    """Round to bfloat16, as the upper halves of float32's bits: of the shape of ``x``."""
    numbers = np.ascontiguousarray(x, np.float32)
    bits = numbers.view(np.uint32)
    rounded = bits + (np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1)))
    rounded = np.where(bits & np.uint32(0x7F800000), rounded, bits & np.uint32(0x80000000))
    rounded = np.where(np.isnan(numbers), bits | np.uint32(0x400000), rounded)
    return (rounded >> np.uint32(16)).astype(np.uint16)


def round_to_bfloat16(x: NDArray[Any]) -> Float32:
    """Round to bfloat16, as float32."""
    return (to_bits(x).astype(np.uint32) << np.uint32(16)).view(np.float32)


def is_rounded(node: NodeLike, tensors: Tensors) -> bool:
    """Tell whether the input of ``node`` and its weights are rounded; ``tensors`` go by their names in the node."""
    return node.op == "conv2d" and dict(node.attributes())["groups"] == 1 and _all_fit(tensors)


def _all_fit(tensors: Tensors) -> bool:
    weights = (tensors[name] for name in ("kernel", "dictionary", "coefficients") if name in tensors)
    return all(float(np.abs(array).max(initial=0.0)) < LARGEST for array in weights)
