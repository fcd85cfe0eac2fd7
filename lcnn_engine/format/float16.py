"""What a file of float16 holds in float16: the large tensors, where that is a rounding and no loss.

float16 has 11 significant bits from 6.1e-5 on, fewer below, and nothing under 3e-8. Weights that small, as where a
batch norm with a small scale was folded into a filter, would lose digits or become 0: such a tensor stays float32.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["FP16_TENSORS", "in_float16"]

# Biases and norms stay float32: they are a thousandth of the file.
FP16_TENSORS = ("dictionary", "coefficients", "kernel")

ROUNDED = 2.0**-11  # of a number that float16 has all bits for, at most


def in_float16(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Round dictionaries, coefficients and kernels to float16; the others, and those that would lose digits, stay.

    A tensor loses digits where the weights of a filter (or of an atom) change by more, in all, than 2^-11 of them and
    of its bias. Numbers beyond float16's 65504 become infinite: what refuses them is the caller's.
    """
    rounded = dict(tensors)
    for name, tensor in tensors.items():
        node, _, short = name.rpartition("/")
        if short in FP16_TENSORS and tensor.dtype.kind == "f":
            with np.errstate(over="ignore"):
                narrow = tensor.astype(np.float16)
            if not _loses_digits(tensor, narrow, node, tensors):
                rounded[name] = narrow
    return rounded


def _loses_digits(tensor: np.ndarray, narrow: np.ndarray, node: str, tensors: Mapping[str, np.ndarray]) -> bool:
    if not np.isfinite(narrow).all():
        return False
    change = np.abs(narrow.astype(np.float64) - tensor)
    size = np.abs(tensor, dtype=np.float64)
    if tensor.ndim == 1:  # coefficients, filter after filter
        indptr = tensors[f"{node}/indptr"]
        filters = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        change, size = (np.bincount(filters, values, len(indptr) - 1) for values in (change, size))
    else:
        change, size = (values.reshape(len(values), -1).sum(axis=1) for values in (change, size))
    bias = tensors.get(f"{node}/bias")
    if bias is not None and len(bias) == len(size):
        size = size + np.abs(bias)
    return bool((change > ROUNDED * size).any())
