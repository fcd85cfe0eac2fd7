"""Small networks with random weights, and the check that every kernel variant must pass on them."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lcnn_engine.kernels import capabilities, usable_variants
from lcnn_engine.model import precision as precisions
from lcnn_engine.model import reference
from lcnn_engine.model.activations import ACTIVATION_FUNCTIONS
from lcnn_engine.model.graph import NODE_TYPES, Elementwise, Graph, Input, Node, Shape
from lcnn_engine.plan import Plan
from lcnn_engine.plan.folding import fold
from lcnn_engine.plan.machine import Machine
from lcnn_engine.plan.multiplying import multiplied_out

VARIANTS = usable_variants()
ELEMENTWISE = [op for op, node in NODE_TYPES.items() if issubclass(node, Elementwise)]
OF_TWO = [op for op, node in NODE_TYPES.items() if issubclass(node, Elementwise) and not node.many]
POSITIVE = ("sqrt", "log")  # activations that are nothing below 0, and steep near it
TOLERANCE = 1e-5  # of the largest |output|
FEW = 0.05  # of the values, that may be off because one between was rounded the other way
IMAGES = 3
_ABLE = [capabilities(variant) for variant in VARIANTS]
WIDTHS = sorted({able.width for able in _ABLE})
LOOKUP_TILES = sorted({able.width * able.max_tile for able in _ABLE})
CONV_LANES = sorted({able.conv_lanes for able in _ABLE})
DENSE_LANES = [16, *sorted({able.dense_unit for able in _ABLE}), 1024]


def edges(sizes: Iterable[int]) -> list[int]:
    """Each size, one less and one more, without what is below 1."""
    return sorted({size + step for size in sizes for step in (-1, 0, 1) if size + step > 0})


def seeded(*key: object) -> np.random.Generator:
    """A generator of its own for every case, so that cases do not depend on their order."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def with_alpha(activation: str) -> dict[str, Any]:
    """Attributes for ``activation``, with a slope where it takes one."""
    return {"activation": activation, "alpha": 0.2 if ACTIVATION_FUNCTIONS[activation].takes_alpha else None}


def lookups_of(P: np.ndarray) -> dict[str, np.ndarray]:
    """``indptr``, ``indices`` and ``coefficients`` of the non-zeros of P (n, kh*kw*k)."""
    rows, columns = np.nonzero(P)
    return {
        "indptr": np.searchsorted(rows, np.arange(len(P) + 1)).astype(np.int32),
        "indices": columns.astype(np.int32),
        "coefficients": P[rows, columns].astype(np.float32),
    }


@dataclass
class Network:
    """A graph in the making. ``k`` atoms (0: no dictionary), ``density`` of P and ``bias`` are for the nodes added.

    ``groups_of`` filters share the places of their lookups, the groups' filters mixed with one another; the last
    ``alone`` filters share nothing. ``atoms_of`` atoms side by side are looked up together or not at all. A ``shape``
    of (C,) becomes a image and a ``flatten`` after it; ``source`` is what the other nodes start from.
    """

    shape: Shape
    rng: np.random.Generator
    k: int = 5
    density: float = 0.3
    bias: bool = True
    groups_of: int = 1
    atoms_of: int = 1
    alone: int = 0
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(init=False)

    source: str = "image"

    def __post_init__(self) -> None:
        vector = len(self.shape) == 1
        if vector:
            values = self.shape[0]  # one pixel is a vector as it lies, two have to be moved
            self.shape = (1, 1, values) if values % 2 else (1, 2, values // 2)
        self.shapes = {"image": self.shape}
        if vector:
            self.source = self.add("flatten")

    def add(self, op: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Append a node with random tensors, after the last one or ``inputs``; its name. Raises ModelFormatError."""
        if not inputs and NODE_TYPES[op].count:
            inputs = (self.nodes[-1].name if self.nodes else self.source,)
        name = name or f"{op}_{len(self.nodes)}"
        node = NODE_TYPES[op](name=name, inputs=inputs, **attributes)
        node.check()
        shapes = [self.shapes[input_] for input_ in inputs]
        self.shapes[name] = node.output_shape(*shapes)
        self.nodes.append(node)
        for tensor, array in self.tensors_of(node, shapes).items():
            self.tensors[f"{name}/{tensor}"] = array
        return name

    def add_positive(self, source: str | None = None) -> str:
        """Append what makes any numbers positive, 0.4 to 2.7: divisors, and what a logarithm is taken of; its name."""
        self.add("activation", *([source] if source else []), activation="tanh")
        return self.add("activation", activation="exponential")

    def raise_above_zero(self, name: str) -> None:
        """Let what a convolution, a dense layer or a batch norm of that name gives be far above 0."""
        for tensor in ("bias", "shift"):
            if f"{name}/{tensor}" in self.tensors:
                self.tensors[f"{name}/{tensor}"][:] = 50

    def tensors_of(self, node: Node, shapes: list[Shape]) -> dict[str, np.ndarray]:
        specs = node.tensor_specs(*shapes)
        if not self.bias:
            specs.pop("bias", None)
        tensors = {}
        if "indptr" in specs:
            tensors = self._lookup_tensors(len_of(specs, "indptr") - 1, shapes[0][-1], node)
        elif "indices" in specs:
            tensors = {"indices": self.rng.integers(0, shapes[0][-1], len_of(specs, "indices")).astype(np.int32)}
        for name in sorted(set(specs) - {"dictionary", "indptr", "indices", "coefficients"}):
            shape = specs[name].shape
            spread = np.sqrt(np.prod(shape[1:], dtype=float)) if name == "kernel" else 1.0
            tensors[name] = (self.rng.standard_normal(shape) / spread).astype(np.float32)
        return tensors

    def _lookup_tensors(self, filters: int, channels: int, node: Node) -> dict[str, np.ndarray]:
        kh, kw = getattr(node, "kernel_size", (1, 1))
        columns = kh * kw * (self.k or channels)
        chosen = self.rng.random((filters, columns)) < self.density
        if self.groups_of > 1:
            order = self.rng.permutation(filters - self.alone)
            chosen[order] = chosen[order[np.arange(len(order)) // self.groups_of * self.groups_of]]
            chosen[order, 0] = True  # who has no lookup shares none
        if self.atoms_of > 1:
            atoms = chosen.reshape(filters, kh * kw, -1)
            for last in range(1, self.atoms_of):
                atoms[..., last :: self.atoms_of] = atoms[..., : atoms.shape[-1] - last : self.atoms_of]
            atoms[..., atoms.shape[-1] // self.atoms_of * self.atoms_of :] = False
        P = self.rng.standard_normal((filters, columns)) * chosen / np.sqrt(max(1.0, self.density * columns))
        tensors = lookups_of(P)
        if self.k:
            D = self.rng.standard_normal((self.k, channels)) / np.sqrt(channels)
            tensors["dictionary"] = D.astype(np.float32)
        return tensors

    def graph(self) -> Graph:
        return Graph(name="case", input=Input("image", self.shape), output=self.nodes[-1].name, nodes=tuple(self.nodes))


def len_of(specs: dict[str, Any], tensor: str) -> int:
    size = specs[tensor].shape[0]
    assert isinstance(size, int)
    return size


def check(
    network: Network,
    *,
    outputs: Sequence[str] | None = None,
    zeros: float = 0.0,
    scale: float = 1.0,
    machine: Machine | None = None,
    precision: str = "float32",
    exact: bool = False,
    tolerance: float = TOLERANCE,
    multiplied: Collection[str] | None = (),
) -> None:
    """Every variant of this CPU against the definition of ``precision``, and the same bits however images are run.

    Images are normal with ``scale`` deviation; ``zeros`` of their values are 0. ``outputs``: nodes to compare, the
    last one if None; what is computed after one of them is judged by what the kernels gave there. ``machine``: what
    plans go by; ``multiplied``: lookup layers that they multiply out; None: those that they choose. ``exact``:
    numbers of few digits, of which no sum is rounded, so that all bits must agree.
    """
    graph, rng = network.graph(), network.rng
    images = (rng.standard_normal((IMAGES, *network.shape)) * scale).astype(np.float32)
    images[rng.random(images.shape) < zeros] = 0
    tensors = network.tensors
    if exact:
        images, tensors = np.round(images), {name: _few_digits(array) for name, array in tensors.items()}
    names = list(outputs or [graph.output])
    same = _expected(graph, tensors, images, names, {}, precision) if precision == "float32" else None
    for variant in VARIANTS:
        plan = Plan(
            graph, tensors, outputs=names, variant=variant, machine=machine, precision=precision, multiplied=multiplied
        )
        _spoil_memory(plan, images.shape)
        alone = [_run(plan, images[i : i + 1], threads=1) for i in range(IMAGES)]
        found = [np.concatenate(parts) for parts in zip(*alone, strict=True)]
        given = dict(zip(names, found, strict=True))
        expected = same or _expected(graph, tensors, images, names, given, precision, plan.multiplied)
        for name, ours in zip(names, found, strict=True):
            wanted, slack = expected[name]
            where = f"{variant}, node {name}: {graph.by_name[name]}"
            _assert_close(ours, wanted, where, slack, tolerance)
            assert not exact or np.array_equal(ours, wanted), where
        for threads in (1, 2):
            _assert_same_bits(_run(plan, images, threads), found, f"{variant}, {IMAGES} images, {threads} threads")
        _assert_same_bits(_run(plan, images[:1], threads=2), alone[0], f"{variant}, one image, 2 threads")


def _few_digits(array: np.ndarray) -> np.ndarray:
    """Whole numbers from -2 to 2 in place of floats."""
    if array.dtype.kind != "f":
        return array
    return np.round(array * 2 / np.abs(array).max(initial=1e-30)).astype(array.dtype)


def _expected(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    images: np.ndarray,
    names: Sequence[str],
    found: Mapping[str, np.ndarray],
    precision: str,
    multiplied: Collection[str] = (),
) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Of every node of ``names``, for all images: its values, and what they may be off beyond float32's rounding.

    Nodes after those in ``found`` are given what that holds.
    """
    if precision != "float32":  # what is rounded depends on what is folded
        graph, tensors = multiplied_out(*fold(graph, tensors, names), multiplied)
    by_node = reference.tensors_by_node(tensors)
    values: dict[str, list[np.ndarray]] = {name: [] for name in names}
    slack: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for number, image in enumerate(images):
        given = {"image": image}
        for node in graph.nodes:
            inputs, own = [given[name] for name in node.inputs], by_node[node.name]
            value = precisions.apply(precision, node, inputs, own)
            given[node.name] = found[node.name][number] if node.name in found else value
            if node.name in values:
                values[node.name].append(value)
                more = precisions.slack(precision, node, inputs, own)
                slack[node.name] += [] if more is None else [more]
    return {name: (np.stack(values[name]), np.stack(slack[name]) if slack[name] else None) for name in names}


def _run(plan: Plan, images: np.ndarray, threads: int) -> list[np.ndarray]:
    results = [np.full((len(images), *shape), np.nan, np.float32) for shape in plan.output_shapes]
    assert plan.run(np.ascontiguousarray(images), results, threads)
    return results


def _spoil_memory(plan: Plan, shape: tuple[int, ...]) -> None:
    """Leave infinities and NaN in all memory that later runs reuse: what they do not write anew shows."""
    huge = np.full(shape, 3e38, np.float32)
    huge.reshape(-1)[::3] *= -1
    _run(plan, huge, threads=2)


def _assert_close(
    found: np.ndarray,
    wanted: np.ndarray,
    where: str,
    slack: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> None:
    """``slack``: what a value may be off beyond rounding to float32, which few are."""
    finite = np.isfinite(wanted)
    assert np.array_equal(found[~finite], wanted[~finite], equal_nan=True), where  # beyond float32
    assert finite.any(), where
    limit = tolerance * np.abs(wanted[finite]).max()
    error = np.abs(np.where(finite, found.astype(np.float64), 0) - np.where(finite, wanted, 0))
    if slack is not None:
        assert np.mean(error > limit) <= FEW, f"{where}: {np.sum(error > limit)} of {error.size} values are off"
        error = np.maximum(error - slack, 0)
    worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
    assert error.max() <= limit, f"{where}: found {found[worst]} at {worst}, expected {wanted[worst]} within {limit}"


def _assert_same_bits(found: list[np.ndarray], wanted: list[np.ndarray], where: str) -> None:
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.tobytes() == theirs.tobytes(), f"{where}: {np.sum(ours != theirs)} of {ours.size} values differ"
