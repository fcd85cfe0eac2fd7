"""The definition of int8: what of a network becomes a number of 8 bits, and where. Everything else is float32's.

A layer's weights become -127 to 127, with a scale for each filter (or atom), and its input 0 to 255, with one scale and
one number that stands for 0, for the picture at hand. Their products are summed up exactly, in int32; the sum is
rounded to float32, and multiplied by both scales; bias and activation are float32. By layer:

- ``conv2d`` of one group, ``dense``: all of it.
- ``lookup_conv2d``, ``lookup_dense``: S = D X, for dictionaries over ``FEWEST_CHANNELS`` or more. Lookups are float32.

A lookup layer that a plan has multiplied out (``plan/multiplying``) is the ``conv2d`` or ``dense`` that it stands for,
its kernel D's combinations rounded to float32 and then to integers: which ones are is a part of the plan, and given to
the definition with the network.

A layer with sums of more than ``MOST_PRODUCTS`` stays float32, since int32 might not hold them. But for that choice
all of this depends on the model's tensors alone, and on nothing but a layer's own input: never on other pictures or
threads.

All steps, each rounded to float32, "nearest" meaning the even one of two as near:

    weights  scale = max |w| / 127                             q = nearest(w / scale), the quotient in float64
    input    scale = max(x, 0) / 255 - min(x, 0) / 255         q = zero + nearest(x * (1 / scale)), within 0 to 255
             zero = nearest(-min(x, 0) * (1 / scale))
    result   sum of q_w (q_x - zero), times (scale_x * scale_w)

A scale below 2^-126 is 0, and so is everything that has it. An input that is not all finite has a scale of NaN: so has
the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .reference import Float32, NodeLike  # no plan imports the definitions

__all__ = ["FEWEST_CHANNELS", "MOST_PRODUCTS", "Quantized", "is_quantized", "quantize_input", "quantize_weights"]

LARGEST_WEIGHT = 127
LARGEST_INPUT = 255
FEWEST_CHANNELS = 8  # of a dictionary: with fewer, making integers of the input takes as long as the products
MOST_PRODUCTS = (2**31 - 1) // (LARGEST_WEIGHT * LARGEST_INPUT)
SMALLEST_SCALE = np.float32(2.0**-126)

Tensors = Mapping[str, NDArray[Any]]


class Quantized(NamedTuple):
    """Integers, less the one that stands for 0, and the scales that make numbers of them again."""

    integers: NDArray[np.integer[Any]]  # int8 of weights, int32 of an input
    scale: Any  # float32, () or (n,)


def quantize_weights(weights: NDArray[Any]) -> Quantized:
    """Make integers of -127 to 127 of ``weights`` (n, ...), with a scale for each of the n."""
    rows = np.asarray(weights, np.float32).reshape(len(weights), -1)
    scale = np.abs(rows).max(axis=1, initial=0.0) / np.float32(LARGEST_WEIGHT)
    scale = np.where(scale < SMALLEST_SCALE, np.float32(0), scale)
    integers = np.zeros(rows.shape, np.int8)
    for i in np.flatnonzero(scale):  # one by one: of a large layer all quotients in float64 would take gigabytes
        integers[i] = np.rint(rows[i] / np.float64(scale[i]))
    return Quantized(integers.reshape(np.shape(weights)), scale)


def quantize_input(x: Float32) -> Quantized:
    """Make integers of an input of any shape, all with one scale: 0 to 255 less the one that stands for 0."""
    low, high = np.minimum(x.min(), np.float32(0)), np.maximum(x.max(), np.float32(0))
    if not np.isfinite(x).all():
        return Quantized(np.zeros(x.shape, np.int32), np.float32(np.nan))
    scale = high / np.float32(LARGEST_INPUT) - low / np.float32(LARGEST_INPUT)
    if scale < SMALLEST_SCALE:
        return Quantized(np.zeros(x.shape, np.int32), np.float32(0))
    inverse = np.float32(1) / scale
    zero = np.rint(-low * inverse)
    return Quantized(np.rint(x * inverse).clip(-zero, LARGEST_INPUT - zero).astype(np.int32), scale)


def is_quantized(node: NodeLike, tensors: Tensors) -> bool:
    """Tell whether integers are made of the input of ``node`` and of its weights, ``tensors`` by their names in it."""
    weights = tensors.get("dictionary") if node.op.startswith("lookup_") else tensors.get("kernel")
    if weights is None or weights.size == 0 or dict(node.attributes()).get("groups", 1) != 1:
        return False
    products = weights[0].size
    return products <= MOST_PRODUCTS and ("kernel" in tensors or products >= FEWEST_CHANNELS)
