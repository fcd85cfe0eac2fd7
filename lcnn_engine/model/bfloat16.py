"""The definition of bfloat16: what of a network is rounded to 8 bits, and where. Everything else is float32's.

A float32 becomes the nearest number of 8 significant bits, the even one of two as near; one below 2^-126 becomes 0, and
what is out of range an infinity. Products are summed up in float32 (here, as everywhere in the definitions, float64).
Biases and activations are float32. By layer:

- ``conv2d`` of one group, ``dense``: the input and the kernel are rounded.
- Lookup layers with a dictionary: the input and D are rounded, for S = D X; not those of ``FEW_CHANNELS`` or less,
  whose S costs little, and which are a network's first layers: what they lose no later layer makes good.
- Lookup layers on pairs of atoms: S and C are rounded, too, or the input and C where there is no dictionary. A layer is
  on pairs where every lookup of an atom 2d or 2d + 1 has the other one beside it, and every list of lookups is that of
  ``SHARED_FILTERS`` filters or more.

A layer whose weights would become infinite is computed in float32. All of this depends on the network's tensors alone:
on those that are left of it where a plan has folded it (``plan/folding``) and multiplied lookup layers out into the
dense ones that they stand for (``plan/multiplying``), which is exact but for rounding. Which layers these are is a part
of the plan, and given to the definition with the network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .reference import Float32, NodeLike  # no plan imports the definitions

__all__ = ["STEP", "is_rounded", "on_pairs", "round_to_bfloat16", "to_bits"]

FEW_CHANNELS = 4
SHARED_FILTERS = 9  # more than half of the lanes that share lookups
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
    """Tell whether the input of ``node`` and its first weights are rounded: those of D, or of the kernel.

    ``tensors`` go by their names in the node.
    """
    if node.op in ("lookup_conv2d", "lookup_dense"):
        dictionary = tensors.get("dictionary")
        return dictionary is not None and dictionary.shape[1] > FEW_CHANNELS and _all_fit(tensors)
    groups = dict(node.attributes()).get("groups", 1)
    return node.op in ("conv2d", "dense") and groups == 1 and _all_fit(tensors)


def on_pairs(tensors: Tensors, channels: int) -> bool:
    """Tell whether a lookup layer of ``channels`` is on pairs: whether C and what it is multiplied with are rounded."""
    indptr, indices = tensors["indptr"], tensors["indices"]
    atoms = len(tensors["dictionary"]) if "dictionary" in tensors else channels
    if not len(indices) or (np.diff(indptr) % 2).any() or not _all_fit(tensors):
        return False
    first, second = indices[::2], indices[1::2]
    if ((second != first + 1) | (first % atoms % 2 != 0)).any() or (second % atoms == 0).any():
        return False
    lists = Counter(indices[begin:end].tobytes() for begin, end in pairwise(indptr.tolist()) if end > begin)
    return min(lists.values()) >= SHARED_FILTERS


def _all_fit(tensors: Tensors) -> bool:
    weights = (tensors[name] for name in ("kernel", "dictionary", "coefficients") if name in tensors)
    return all(
        float(array.max(initial=0.0)) < LARGEST and float(array.min(initial=0.0)) > -LARGEST for array in weights
    )
