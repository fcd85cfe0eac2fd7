"""The weights of a layer, as folding looks at them: which filters never change, what the others read, what they become.

A layer reads channels that live, and channels that hold one number each. Of the latter it reads none in the end: what
they add goes into its bias. Where it has padding, that sum differs at the border; then one of them is read for all,
with the sum of their weights, because it has the same border.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from math import prod
from typing import NamedTuple

import numpy as np

from ...model.graph import Conv2D, Convolution, Dense, LookupConv2D, LookupDense, Node


class Constants(NamedTuple):
    """Channels of a value that hold one number, whatever the input: ``known`` (C,) bool, and the numbers, ``values``
    (C,) float64, 0 for other channels. A border is not counted: it holds zeros all the same."""

    known: np.ndarray
    values: np.ndarray

    @classmethod
    def none(cls, channels: int) -> Constants:
        """Know nothing of any channel."""
        return cls(np.zeros(channels, bool), np.zeros(channels))

    @property
    def lit(self) -> np.ndarray:
        """Tell which are known not to be 0, (C,) bool."""
        return self.values != 0

    @property
    def brightest(self) -> int:
        """Give the one to be read for all: no other is larger, so no weight grows."""
        return int(np.abs(self.values).argmax())


def is_depthwise(node: Node) -> bool:
    """Tell whether each filter reads the one channel of its own number (where the input has as many)."""
    return isinstance(node, Conv2D) and node.groups == node.filters > 1


def empty_rows(matrix: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Tell which rows of ``matrix`` (n, m, ...) hold zeros alone in ``columns``, (m,) bool -> (n,) bool.

    Rows that are not empty are left as soon as that shows: of a matrix without empty rows one column is read.
    """
    rows, chosen = np.arange(len(matrix)), np.flatnonzero(columns)
    first, many = 0, 1
    while len(rows) and first < len(chosen):
        part = matrix[np.ix_(rows, chosen[first : first + many])]
        rows = rows[~part.reshape(len(rows), -1).any(axis=1)]
        first, many = first + many, min(2 * many, 64)
    empty = np.zeros(len(matrix), bool)
    empty[rows] = True
    return empty


class Weights(ABC):
    """What dense and lookup layers share. ``padded``: whether a window may stand on the border."""

    def __init__(self, node: Node, tensors: Mapping[str, np.ndarray]) -> None:
        self.padded = isinstance(node, Convolution) and any(node.padding)
        self._filters = node.filters if isinstance(node, Convolution) else node.units  # type: ignore[attr-defined]
        bias = tensors.get(f"{node.name}/bias")
        self._bias = np.zeros(self._filters) if bias is None else bias.astype(np.float64)

    @abstractmethod
    def constants(self, source: Constants) -> Constants:
        """Tell which filters never change, before the activation, where the input has these constants."""

    def reads(self, filters: np.ndarray, source: Constants) -> np.ndarray:
        """Tell which channels (m,) bool have to be there for these ``filters`` (n,) bool."""
        touched = self._touched(filters)
        read = touched & ~source.known
        if self.padded and (touched & source.lit).any():
            read[source.brightest] = True
        return read

    @abstractmethod
    def _touched(self, filters: np.ndarray) -> np.ndarray:
        """Tell which channels (m,) bool have a weight other than 0 in these ``filters`` (n,) bool."""

    @abstractmethod
    def restricted(self, filters: np.ndarray, channels: np.ndarray, source: Constants) -> dict[str, np.ndarray] | None:
        """Give all tensors of the layer with only these ``filters`` and ``channels``, by number and ascending.

        Constants that are not among ``channels`` are what ``source`` says. None: it stays as it is.
        """

    def _lost(self, channels: np.ndarray, source: Constants) -> np.ndarray:
        """Give the numbers of the constants other than 0 that are not among ``channels``, where they are read."""
        lit = source.lit
        if self.padded and source.brightest not in channels:
            return np.zeros(0, int)
        lit[channels] = False
        return np.flatnonzero(lit)


class DenseWeights(Weights):
    """A kernel (n, m), or (n, m, kh, kw) of one group."""

    def __init__(self, node: Node, tensors: Mapping[str, np.ndarray]) -> None:
        super().__init__(node, tensors)
        self._kernel = tensors[f"{node.name}/kernel"]

    def constants(self, source: Constants) -> Constants:
        known = empty_rows(self._kernel, ~source.known)
        if self.padded:
            known &= empty_rows(self._kernel, source.lit)
        values = np.zeros(self._filters)
        rows = np.flatnonzero(known)
        values[rows] = self._bias[rows] + self._shares(rows, np.flatnonzero(source.lit), source).sum(axis=1)
        return Constants(known, values)

    def _touched(self, filters: np.ndarray) -> np.ndarray:
        return ~empty_rows(self._kernel.swapaxes(0, 1), filters)

    def restricted(self, filters: np.ndarray, channels: np.ndarray, source: Constants) -> dict[str, np.ndarray] | None:
        if (len(filters), len(channels)) == self._kernel.shape[:2]:
            return None
        kernel, bias = _selected(_selected(self._kernel, filters, 0), channels, 1), self._bias[filters]
        lost = self._lost(channels, source)
        if len(lost):
            shares = self._shares(filters, lost, source)
            if self.padded:
                at = np.searchsorted(channels, source.brightest)
                more = (shares / source.values[source.brightest]).reshape(kernel[:, at].shape)
                kernel[:, at] = kernel[:, at].astype(np.float64) + more
            else:
                bias = bias + shares.sum(axis=1)
        return {"kernel": kernel, "bias": bias.astype(np.float32)}

    def _shares(self, filters: np.ndarray, channels: np.ndarray, source: Constants) -> np.ndarray:
        """Compute what these constants add to these filters, tap by tap, (n, taps)."""
        part = self._kernel[np.ix_(filters, channels)].astype(np.float64)
        return np.tensordot(part, source.values[channels], (1, 0)).reshape(len(filters), prod(self._kernel.shape[2:]))


class LookupWeights(Weights):
    """I, C and D; without D, atoms are the input's channels."""

    def __init__(self, node: Node, tensors: Mapping[str, np.ndarray], channels: int) -> None:
        super().__init__(node, tensors)
        self._indptr, self._indices = tensors[f"{node.name}/indptr"], tensors[f"{node.name}/indices"]
        self._coefficients = tensors[f"{node.name}/coefficients"]
        self._dictionary = tensors.get(f"{node.name}/dictionary")
        self._channels = channels
        self._atoms = channels if self._dictionary is None else len(self._dictionary)

    @cached_property
    def _row(self) -> np.ndarray:
        return np.repeat(np.arange(self._filters), np.diff(self._indptr))

    @cached_property
    def _atom(self) -> np.ndarray:
        return self._atom_of(self._indices)

    def _atom_of(self, indices: np.ndarray) -> np.ndarray:
        atoms = np.int32(max(1, self._atoms))
        return indices - indices // atoms * atoms  # % takes four times as long

    @cached_property
    def _counts(self) -> np.ndarray:
        """Tell which lookups have a coefficient other than 0."""
        return self._coefficients != 0

    def constants(self, source: Constants) -> Constants:
        still, base = self._still_atoms(source)
        values = self._bias
        if not still.any() and self._counts.all():
            known = np.diff(self._indptr) == 0
            return Constants(known, np.where(known, values, 0.0))
        ends = ~still | (base != 0) if self.padded else ~still  # atoms that end a filter's being constant
        moving = np.bincount(self._row[ends[self._atom] & self._counts], minlength=self._filters)
        if base.any():
            values = values + self._shares(base)
        return Constants(moving == 0, np.where(moving == 0, values, 0.0))

    def _still_atoms(self, source: Constants) -> tuple[np.ndarray, np.ndarray]:
        """Tell which atoms read constants alone, (k,) bool, and what constants add to each inside the image, (k,)."""
        D, lit = self._dictionary, source.lit
        if D is None:
            return source.known, source.values
        return empty_rows(D, ~source.known), D[:, lit].astype(np.float64) @ source.values[lit]

    def _shares(self, base: np.ndarray) -> np.ndarray:
        """Sum up what atoms of these values (k,) add to every filter."""
        return np.bincount(self._row, self._coefficients * base[self._atom], self._filters)

    def _touched(self, filters: np.ndarray) -> np.ndarray:
        used = self._used
        if not filters.all():
            used = np.zeros(self._atoms, bool)
            used[self._atom[self._counts & filters[self._row]]] = True
        return used if self._dictionary is None else ~empty_rows(self._dictionary.T, used)

    @cached_property
    def _used(self) -> np.ndarray:
        """Tell which atoms (k,) any lookup uses: most often the first few use all."""
        used = np.zeros(self._atoms, bool)
        for first in range(0, len(self._indices), 2**14):
            piece = slice(first, first + 2**14)
            used[self._atom_of(self._indices[piece])[self._counts[piece]]] = True
            if used.all():
                break
        return used

    def restricted(self, filters: np.ndarray, channels: np.ndarray, source: Constants) -> dict[str, np.ndarray] | None:
        kept = np.zeros(self._filters, bool)
        kept[filters] = True
        bias, base = self._bias, self._lost_of_atoms(channels, source)
        if not self.padded and base.any():
            bias, base = bias + self._shares(base), np.zeros(self._atoms)
        gains = self._gains(channels, base, source)
        whole = kept.all() and self._counts.all() and gains.all() and len(channels) == self._channels
        if whole and (self._dictionary is None or (self._used.all() and len(channels) > 1)):
            return None
        reads = self._counts & (gains != 0)[self._atom] & kept[self._row]
        chosen = slice(None) if reads.all() else np.flatnonzero(reads)
        row, atom = self._row[chosen], self._atom[chosen]
        row = row if kept.all() else (np.cumsum(kept) - 1)[row]
        tap = self._indices[chosen] // np.int32(max(1, self._atoms))
        csr = _Csr(row, tap, atom, self._coefficients[chosen].astype(np.float64), np.zeros(len(row), bool))
        csr, D = self._with_channels(csr, channels, base, gains, source)
        return {**_tensors_of(csr, len(filters), D, len(channels)), "bias": bias[filters].astype(np.float32)}

    def _with_channels(
        self, csr: _Csr, channels: np.ndarray, base: np.ndarray, gains: np.ndarray, source: Constants
    ) -> tuple[_Csr, np.ndarray | None]:
        """Give lookups of what is left of D, which has these ``channels``, or of these themselves."""
        at = int(np.searchsorted(channels, source.brightest))
        if self._dictionary is None:
            atoms = np.full(self._atoms, at)
            atoms[channels] = np.arange(len(channels))
            coefficients, atom = csr.coefficients * gains[csr.atom], atoms[csr.atom]
            return csr._replace(atom=atom, coefficients=coefficients, moved=(atom == at) & base.any()), None
        used = np.zeros(self._atoms, bool)
        used[csr.atom] = True
        D = _selected(_selected(self._dictionary, np.flatnonzero(used), 0), channels, 1)
        if base.any():
            D[:, at] = D[:, at] + base[used] / source.values[source.brightest]
        return (csr if used.all() else csr._replace(atom=(np.cumsum(used) - 1)[csr.atom])), D

    def _lost_of_atoms(self, channels: np.ndarray, source: Constants) -> np.ndarray:
        """Compute what constants that are not among ``channels`` add to each atom inside the image, (k,)."""
        lost = self._lost(channels, source)
        if self._dictionary is not None:
            return self._dictionary[:, lost].astype(np.float64) @ source.values[lost]
        base = np.zeros(self._channels)
        base[lost] = source.values[lost]
        return base

    def _gains(self, channels: np.ndarray, base: np.ndarray, source: Constants) -> np.ndarray:
        """Tell by how much to multiply lookups of each atom, (k,), 0 where nothing is left of it.

        Without a dictionary, those of lost constants, ``base``, become lookups of the brightest.
        """
        left = np.zeros(self._channels, bool)
        left[channels] = True
        if self._dictionary is not None:
            return np.where(empty_rows(self._dictionary, left) & (base == 0), 0.0, 1.0)
        return np.where(left, 1.0, base / source.values[source.brightest] if base.any() else 0.0)


def _selected(matrix: np.ndarray, numbers: np.ndarray, axis: int) -> np.ndarray:
    """Copy rows or columns, in C order; all of them are ``matrix`` itself."""
    return matrix if len(numbers) == matrix.shape[axis] else matrix.take(numbers, axis)


class _Csr(NamedTuple):
    """Lookups in the order of rows, (nnz,) each; coefficients float64. ``moved``: of an atom that is not their own."""

    row: np.ndarray
    tap: np.ndarray
    atom: np.ndarray
    coefficients: np.ndarray
    moved: np.ndarray


def _tensors_of(csr: _Csr, filters: int, D: np.ndarray | None, channels: int) -> dict[str, np.ndarray]:
    """Write lookups as a model file does; a dictionary over one channel is multiplied into the coefficients."""
    atoms = channels if D is None else len(D)
    products = csr.coefficients * D[csr.atom, 0] if D is not None and D.shape[1] == 1 else None
    if products is not None and _is_normal(products):
        alike = np.ones(len(csr.row), bool)
        csr, D, atoms = csr._replace(atom=np.zeros_like(csr.atom), coefficients=products, moved=alike), None, 1
    index = csr.tap.astype(np.int64) * atoms + csr.atom
    row, index, coefficients = _merged(csr.row, index, csr.coefficients, csr.moved)
    tensors = {
        "indptr": np.concatenate([[0], np.cumsum(np.bincount(row, minlength=filters))]).astype(np.int32),
        "indices": index.astype(np.int32),
        "coefficients": coefficients.astype(np.float32),
    }
    return tensors if D is None else {"dictionary": D, **tensors}


def _is_normal(products: np.ndarray) -> bool:
    """Tell whether float32 holds all of them as precisely as any."""
    limits = np.finfo(np.float32)
    sizes = np.abs(products)
    return bool(((sizes >= limits.tiny) & (sizes <= limits.max)).all())


def _merged(
    row: np.ndarray, index: np.ndarray, coefficients: np.ndarray, moved: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum up those ``moved`` lookups that are of one filter and at one place; all in ascending order again."""
    if not moved.any():
        return row, index, coefficients
    end = int(index.max()) + 1
    place = row * end + index
    places, which = np.unique(place[moved], return_inverse=True)
    place = np.concatenate([place[~moved], places])
    sums = np.bincount(which, coefficients[moved], len(places))
    order = np.argsort(place, kind="stable")  # of two runs in order: that takes one pass
    return place[order] // end, place[order] % end, np.concatenate([coefficients[~moved], sums])[order]


def weights_of(node: Node, tensors: Mapping[str, np.ndarray], channels: int) -> Weights | None:
    """Give the weights of a layer all of whose filters may read all ``channels``; None for other nodes."""
    if isinstance(node, LookupConv2D | LookupDense):
        return LookupWeights(node, tensors, channels)
    if isinstance(node, Dense) or (isinstance(node, Conv2D) and node.groups == 1):
        return DenseWeights(node, tensors)
    return None
