"""Matrices of fully connected layers as integers with a scale a row: how a file holds them, and what they stand for.

``<node>/kernel`` of a ``dense`` node and ``<node>/dictionary`` of a ``lookup_dense`` node, (n, m), may be I8, integers
from -127 to 127. ``<node>/kernel_scale`` (or ``<node>/dictionary_scale``), F32 (n,), then stands beside it, and a
number is its row's scale times its integer, rounded to float32: nothing behind the reader knows another matrix.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import ModelFormatError
from ..model.int8 import quantize_weights
from ..utils.messages import shown
from .validation import Kind

__all__ = ["SCALE", "kinds_when_widened", "matrix_names", "rounded_to_int8", "with_int8_matrices", "with_widened"]

MATRICES = {"dense": "kernel", "lookup_dense": "dictionary"}
SCALE = "_scale"
LARGEST_INTEGER = 127


def with_int8_matrices(ops: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give ``tensors`` with the matrices of fully connected layers as int8, their scales beside them.

    ``ops`` are the operations of nodes by name. A row's scale is its largest magnitude / 127. Precision int8 computes
    with the same integers. A matrix that holds a number that is not finite stays, for the writer to refuse.
    """
    names = matrix_names(ops)
    result = {}
    for name, tensor in tensors.items():
        if name in names and tensor.size and np.isfinite(tensor).all():
            result[name], result[name + SCALE] = _rounded(tensor)
        else:
            result[name] = tensor
    return result


def matrix_names(ops: Mapping[str, str]) -> set[str]:
    """Name the matrices of fully connected layers, there or not."""
    return {f"{node}/{MATRICES[op]}" for node, op in ops.items() if op in MATRICES}


def rounded_to_int8(matrix: np.ndarray) -> np.ndarray:
    """Give the float32 numbers that a matrix has once it was stored as int8."""
    return _widened(*_rounded(matrix)) if matrix.size else matrix


def kinds_when_widened(ops: Mapping[str, str], kinds: Mapping[str, Kind]) -> dict[str, Kind]:
    """Give dtypes and shapes of a file's tensors as they are once widened: int8 matrices as F32, without their scales.

    Raises ModelFormatError for an int8 tensor that is no matrix of a fully connected layer, and for what is not its
    scale.
    """
    widened = dict(kinds)
    for name, (dtype, shape) in kinds.items():
        if dtype != "I8":
            continue
        node, _, short = name.rpartition("/")
        if MATRICES.get(ops.get(node, "")) != short or len(shape) != 2:
            raise ModelFormatError(
                f"tensor {shown(name)}: expected I8 only for a kernel of dense or a dictionary of lookup_dense, of "
                f"shape (n, m), found it {shape}"
            )
        found = kinds.get(name + SCALE)
        if found != ("F32", shape[:1]):
            what = "none of that name" if found is None else f"{found[0]} {found[1]}"
            raise ModelFormatError(
                f"tensor {shown(name + SCALE)}: expected F32 of shape ({shape[0]},), beside an I8 matrix, found {what}"
            )
        widened[name] = ("F32", shape)
        del widened[name + SCALE]
    return widened


def with_widened(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give ``tensors``, of kinds that were checked, with int8 matrices as the float32 numbers that they stand for.

    Raises ModelFormatError for scales that are not finite numbers above 0, and for the integer -128.
    """
    matrices = {name for name, array in tensors.items() if array.dtype == np.int8}
    scales = {name + SCALE for name in matrices}
    for name in scales:
        wrong = np.flatnonzero(~((tensors[name] > 0) & np.isfinite(tensors[name])))
        if wrong.size:
            at = int(wrong[0])
            raise ModelFormatError(
                f"tensor {shown(name)}: expected finite scales above 0, found {tensors[name][at]} at {at}"
            )
    for name in matrices:
        if (tensors[name] < -LARGEST_INTEGER).any():
            limits = f"integers from -{LARGEST_INTEGER} to {LARGEST_INTEGER}"
            raise ModelFormatError(f"tensor {shown(name)}: expected {limits}, found -128")
    return {
        name: _widened(array, tensors[name + SCALE]) if name in matrices else array
        for name, array in tensors.items()
        if name not in scales
    }


def _rounded(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    integers, scale = quantize_weights(matrix)
    return integers, np.where(scale == 0, np.float32(1), scale)  # of a row of zeros it says nothing, but is a scale


def _widened(integers: np.ndarray, scale: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # what float32 does not hold is refused with all that is not finite
        return integers.astype(np.float32) * scale.astype(np.float32)[:, None]
