"""The rules of a model file that tie tensors to its graph: which there are, their dtypes, shapes and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..errors import ModelFormatError
from ..model.graph import (
    MAX_ELEMENTS,
    Convolution,
    Graph,
    LookupConv2D,
    LookupDense,
    Node,
    Reshape,
    Tabled,
    TakeChannels,
    TensorSpec,
    Windowed,
    elements,
)
from ..utils.messages import shown

__all__ = ["Kind", "check_kinds", "check_sizes", "check_values"]

STORED_AS = {"F32": ("F32", "F16"), "I32": ("I32",)}
TABLE_ENTRY = 24  # floats that an entry of a table takes while it is made: a dozen arrays of 8 bytes
EXPONENT = np.uint16(0x7C00)  # bits of a half, all set where it is not finite
PIECE = 2**16  # values looked at together: what is found of them stays in the cache
Kind = tuple[str, tuple[int, ...]]  # dtype's name in the file, shape


def check_kinds(graph: Graph, kinds: Mapping[str, Kind]) -> dict[str, int]:
    """Check that a checked graph has just these tensors, and their dtypes and shapes, not their values.

    Returns k, the number of atoms, of every lookup node. Raises ModelFormatError.
    """
    atoms = {}
    known = set()
    for node in graph.nodes:
        sizes: dict[str, int] = {}
        for short, spec in graph.tensor_specs(node).items():
            name = f"{node.name}/{short}"
            known.add(name)
            if name in kinds:
                _check_kind(name, spec, kinds[name], sizes)
            elif not spec.optional:
                raise ModelFormatError(
                    f"tensor {shown(name)}: expected {_wanted(spec, sizes)}, found none of that name"
                )
        if isinstance(node, (LookupConv2D, LookupDense)):
            atoms[node.name] = sizes.get("k", graph.shapes[node.inputs[0]][-1])
    for name in kinds:
        if name not in known:
            raise ModelFormatError(
                f"tensor {shown(name)}: expected only tensors of the graph's nodes, found this one too"
            )
    return atoms


def _check_kind(name: str, spec: TensorSpec, kind: Kind, sizes: dict[str, int]) -> None:
    dtype, shape = kind
    fits = dtype in STORED_AS[spec.dtype] and len(shape) == len(spec.shape)
    if fits:
        for wanted, size in zip(spec.shape, shape, strict=True):
            expected = sizes.setdefault(wanted, size) if isinstance(wanted, str) else wanted
            fits = fits and size == expected
    if not fits:
        raise ModelFormatError(f"tensor {shown(name)}: expected {_wanted(spec, sizes)}, found {dtype} {shape}")


def _wanted(spec: TensorSpec, sizes: Mapping[str, int]) -> str:
    shape = ", ".join(str(sizes.get(size, size) if isinstance(size, str) else size) for size in spec.shape)
    return f"{' or '.join(STORED_AS[spec.dtype])} of shape ({shape}{',' if len(spec.shape) == 1 else ''})"


def check_sizes(graph: Graph, atoms: Mapping[str, int], max_bytes: int) -> None:
    """Check the sizes that follow from shapes and ``atoms``: lookup indices, activations, and their sum.

    What an engine may have to hold counts: every activation as float32, inputs of windows with their padding around
    them, and S. Otherwise a file of a few bytes could ask for any amount of memory. Raises ModelFormatError.
    """
    total = 4 * elements(graph.input.shape)
    most, where = total, "the input"
    for node in graph.nodes:
        size = 0
        for what, count in _held(graph, node, atoms):
            if count > MAX_ELEMENTS:
                raise ModelFormatError(
                    f"node {shown(node.name)}: expected {what} of at most {MAX_ELEMENTS}, found {count}"
                )
            size += 0 if what == "kh * kw * k" else 4 * count
        total += size
        if size > most:
            most, where = size, f"node {shown(node.name)}"
    if total > max_bytes:
        expected = f"activations of at most {max_bytes} bytes in all"
        raise ModelFormatError(f"{where}: expected {expected} (max_bytes), found {total}, of which {most} are here")


def _held(graph: Graph, node: Node, atoms: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    if isinstance(node, (LookupConv2D, LookupDense)):
        taps = elements(node.window()) if isinstance(node, Convolution) else 1
        yield "kh * kw * k", taps * atoms[node.name]
    yield "an output", elements(graph.shapes[node.name])
    if isinstance(node, Windowed):
        source = graph.shapes[node.inputs[0]]
        padded = node.padded(source)
        if padded != source:
            yield "a padded input", elements(padded)
        if isinstance(node, LookupConv2D):
            yield "S", padded[0] * padded[1] * atoms[node.name]
    if isinstance(node, Reshape):
        yield "a copy", elements(graph.shapes[node.inputs[0]])
    if isinstance(node, Tabled):
        yield "tables", TABLE_ENTRY * node.taps() * sum(graph.shapes[node.name])


def check_values(graph: Graph, tensors: Mapping[str, np.ndarray], atoms: Mapping[str, int]) -> None:
    """Check the values of tensors of the right dtypes and shapes. Raises ModelFormatError."""
    for name, array in tensors.items():
        if array.dtype.kind == "f":
            _check_finite(name, array)
    for node in graph.nodes:
        if isinstance(node, (LookupConv2D, LookupDense)):
            taps = elements(node.window()) if isinstance(node, Convolution) else 1
            indptr, indices = tensors[f"{node.name}/indptr"], tensors[f"{node.name}/indices"]
            _check_indptr(f"tensor {shown(node.name + '/indptr')}", indptr, len(indices))
            _check_indices(f"tensor {shown(node.name + '/indices')}", indptr, indices, taps * atoms[node.name])
        if isinstance(node, TakeChannels):
            end = graph.shapes[node.inputs[0]][-1]
            where = f"tensor {shown(node.name + '/indices')}"
            _check_range(where, tensors[f"{node.name}/indices"], "the input's channels - 1", end)


def _check_finite(name: str, array: np.ndarray) -> None:
    flat = array.reshape(-1)
    for start in range(0, flat.size, PIECE):
        finite = _are_finite(flat[start : start + PIECE])
        if not finite.all():
            position = tuple(int(i) for i in np.unravel_index(start + int(np.argmin(finite)), array.shape))
            raise ModelFormatError(
                f"tensor {shown(name)}: expected finite values, found {array[position]} at {position}"
            )


def _are_finite(numbers: np.ndarray) -> np.ndarray:
    if numbers.dtype != np.float16 or not numbers.dtype.isnative:
        return np.isfinite(numbers)
    return (numbers.view(np.uint16) & EXPONENT) != EXPONENT  # NumPy looks at halves one by one


def _check_indptr(where: str, indptr: np.ndarray, nnz: int) -> None:
    if indptr[0] != 0:
        raise ModelFormatError(f"{where}: expected to start at 0, found {indptr[0]}")
    down = np.flatnonzero(indptr[1:] < indptr[:-1])
    if down.size:
        at = int(down[0])
        raise ModelFormatError(f"{where}: expected not to descend, found {indptr[at]}, {indptr[at + 1]} at {at}")
    if indptr[-1] != nnz:
        raise ModelFormatError(f"{where}: expected to end at the number of lookups, {nnz}, found {indptr[-1]}")


def _check_range(where: str, indices: np.ndarray, last: str, end: int) -> None:
    outside = np.flatnonzero((indices < 0) | (indices >= end))
    if outside.size:
        at = int(outside[0])
        raise ModelFormatError(f"{where}: expected indices from 0 to {last} = {end - 1}, found {indices[at]} at {at}")


def _check_indices(where: str, indptr: np.ndarray, indices: np.ndarray, end: int) -> None:
    _check_range(where, indices, "kh * kw * k - 1", end)
    first = np.zeros(len(indices) + 1, bool)
    first[indptr] = True  # a filter's first lookup may be below the one before it
    wrong = np.flatnonzero((indices[1:] <= indices[:-1]) & ~first[1:-1])
    if wrong.size:
        at = int(wrong[0])
        row = int(np.searchsorted(indptr, at, side="right")) - 1
        pair = f"{indices[at]}, {indices[at + 1]}"
        raise ModelFormatError(f"{where}: expected to ascend strictly inside a filter, found {pair} in filter {row}")
