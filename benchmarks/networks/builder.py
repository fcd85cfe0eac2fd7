"""A small builder of seeded networks: nodes one after the other, with random tensors of sensible scale.

Scales keep activations near one through any depth (He's rule), so that no kernel meets overflows or denormals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lcnn_engine.kernels import fits_fp16
from lcnn_engine.model import graph as g

Tensors = dict[str, np.ndarray]
Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, bottom, left, right


class Structure(NamedTuple):
    """Which lookups go together: ``groups_of`` filters have the same, and of atoms ``atoms_of`` side by side are taken
    or left, where their number is a multiple of that."""

    groups_of: int = 1
    atoms_of: int = 1


UNSTRUCTURED = Structure()


def random_lookups(
    rng: np.random.Generator, filters: int, columns: int, lookups: int, structure: Structure = UNSTRUCTURED
) -> Tensors:
    """Choose ``lookups`` positions of a (filters, columns) matrix evenly; the CSR tensors of a lookup layer.

    ``indptr`` int32 (filters + 1,), ``indices`` int32 (lookups,), ``coefficients`` float32 (lookups,). Where a
    ``structure`` makes positions go together, there are as many as whole pieces come closest to.
    """
    rows, indices = _positions(rng, filters, columns, lookups, structure)
    lookups = len(rows)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=filters))])
    scale = math.sqrt(2.0 * filters / max(lookups, 1))
    coefficients = scale * rng.standard_normal(lookups, dtype=np.float32)
    return {
        "indptr": indptr.astype(np.int32),
        "indices": indices.astype(np.int32),
        "coefficients": coefficients.astype(np.float32),
    }


def _positions(
    rng: np.random.Generator, filters: int, columns: int, lookups: int, structure: Structure
) -> tuple[np.ndarray, np.ndarray]:
    """Choose rows and columns (lookups,), row by row."""
    high, wide = structure
    groups, pieces = -(-filters // high), columns // wide
    chosen = rng.choice(groups * pieces, size=round(lookups * groups / (filters * wide)), replace=False)
    group, piece = np.divmod(np.sort(chosen), pieces)
    row = group[:, None, None] * high + np.arange(high)[:, None]
    row, column = np.broadcast_arrays(row, piece[:, None, None] * wide + np.arange(wide))
    row, column = row.ravel(), column.ravel()
    order = np.lexsort((column, row))
    kept = order[row[order] < filters]  # the last group may have fewer
    return row[kept], column[kept]


def as_stored(tensors: Mapping[str, np.ndarray]) -> Tensors:
    """Return ``tensors`` as a file stores them: in float16 what that holds as it is, but for biases, as exports do."""
    weights = {name: t for name, t in tensors.items() if t.dtype == np.float32 and not name.endswith("/bias")}
    return {**tensors, **{name: t.astype(np.float16) for name, t in weights.items() if fits_fp16(t)}}


def _sides(padding: int | Sides) -> Sides:
    return (padding,) * 4 if isinstance(padding, int) else padding


class NetBuilder:
    """Adds node after node; each takes the last one's result unless ``inputs`` says otherwise."""

    def __init__(
        self, name: str, shape: tuple[int, int, int], seed: int = 0, structure: Structure = UNSTRUCTURED
    ) -> None:
        self.name = name
        self.structure = structure  # of all lookups
        self.input = g.Input("image", shape)
        self.rng = np.random.default_rng(seed)
        self.nodes: list[g.Node] = []
        self.tensors: Tensors = {}
        self.shapes: dict[str, tuple[int, ...]] = {"image": shape}
        self.last = "image"

    def add(
        self, op: str, name: str, *inputs: str, tensors: Mapping[str, np.ndarray] | None = None, **attributes: Any
    ) -> str:
        """Append a node of the format's operation ``op``; return its name."""
        kind = g.NODE_TYPES[op]
        node = kind(name=name, inputs=inputs or ((self.last,) if kind.count else ()), **attributes)
        node.check()
        self.shapes[name] = node.output_shape(*(self.shapes[source] for source in node.inputs))
        self.nodes.append(node)
        self.tensors.update({f"{name}/{key}": value for key, value in (tensors or {}).items()})
        self.last = name
        return name

    def _normal(self, *shape: int, scale: float = 1.0) -> np.ndarray:
        return np.float32(scale) * self.rng.standard_normal(shape, dtype=np.float32)

    def _channels(self, source: str | None) -> int:
        return self.shapes[source or self.last][-1]

    def conv(
        self,
        name: str,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: int | Sides = 0,
        *,
        source: str | None = None,
        activation: str = "relu",
        gain: float = 1.0,
        groups: int = 1,
    ) -> str:
        """Append a dense convolution with bias; return its name."""
        channels = self._channels(source) // groups
        scale = gain * math.sqrt(2.0 / (channels * kernel * kernel))
        tensors = {
            "kernel": self._normal(filters, channels, kernel, kernel, scale=scale),
            "bias": self._normal(filters, scale=0.1),
        }
        return self.add(
            "conv2d", name, *([source] if source else []), tensors=tensors, filters=filters,
            kernel_size=(kernel, kernel), strides=(stride, stride), padding=_sides(padding), activation=activation,
            groups=groups,
        )  # fmt: skip

    def lookup_conv(
        self,
        name: str,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: int | Sides = 0,
        *,
        atoms: int | None,
        density: float,
        source: str | None = None,
        activation: str = "relu",
        gain: float = 1.0,
    ) -> str:
        """Append a lookup convolution with bias; without ``atoms`` it has no dictionary: a pruned convolution."""
        channels = self._channels(source)
        tensors = self.lookup_tensors(filters, channels, atoms, kernel * kernel, density, gain)
        return self.add(
            "lookup_conv2d", name, *([source] if source else []), tensors=tensors, filters=filters,
            kernel_size=(kernel, kernel), strides=(stride, stride), padding=_sides(padding), activation=activation,
        )  # fmt: skip

    def lookup_dense(self, name: str, units: int, *, atoms: int, density: float, activation: str = "relu") -> str:
        """Append a lookup layer on a vector, with bias; return its name."""
        tensors = self.lookup_tensors(units, self._channels(None), atoms, 1, density)
        return self.add("lookup_dense", name, tensors=tensors, units=units, activation=activation)

    def lookup_tensors(
        self, filters: int, channels: int, atoms: int | None, taps: int, density: float, gain: float = 1.0
    ) -> Tensors:
        """Make the tensors of a lookup layer of ``taps`` kernel positions; without ``atoms`` it has no dictionary."""
        columns = taps * (atoms or channels)
        whole = self.structure.atoms_of if (atoms or channels) % self.structure.atoms_of == 0 else 1
        structure = self.structure._replace(atoms_of=whole)
        tensors = random_lookups(self.rng, filters, columns, round(density * filters * columns), structure)
        tensors["coefficients"] *= np.float32(gain)
        if atoms:
            tensors["dictionary"] = self._normal(atoms, channels, scale=1.0 / math.sqrt(channels))
        tensors["bias"] = self._normal(filters, scale=0.1)
        return tensors

    def dense(self, name: str, units: int, activation: str = "linear") -> str:
        """Append a dense layer with bias; return its name."""
        length = self._channels(None)
        tensors = {
            "kernel": self._normal(units, length, scale=math.sqrt(2.0 / length)),
            "bias": self._normal(units, scale=0.1),
        }
        return self.add("dense", name, tensors=tensors, units=units, activation=activation)

    def round_to_fp16(self) -> None:
        """Round all weights so far but biases to numbers that float16 holds, as a file of float16 stores them."""
        for name, tensor in self.tensors.items():
            if tensor.dtype == np.float32 and not name.endswith("/bias"):
                self.tensors[name] = tensor.astype(np.float16).astype(np.float32)

    def max_pool(self, name: str, size: int, stride: int, padding: int = 0) -> str:
        """Append a square max pool; return its name."""
        return self.add("max_pool2d", name, pool_size=(size, size), strides=(stride, stride), padding=(padding,) * 4)

    def finish(self) -> tuple[g.Graph, Tensors]:
        """Return the network, whose result is the last node's, and its tensors."""
        return g.Graph(self.name, self.input, self.last, tuple(self.nodes)), self.tensors
