"""The least time that each step of a network could take, from the work it must do and what the core can do.

That is its multiplications at the core's best rate in the precision of what it multiplies, or its bytes at the
bandwidth of where they lie, whichever takes longer. Weights lie where the whole network fits, since a prediction goes
through all of them; activations where those of the step fit. Inputs of dense layers that are 0 are counted out: their
weights are not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lcnn_engine import Net
from lcnn_engine.analysis.profile import ProfileStep
from lcnn_engine.interop.dense import is_lookup
from lcnn_engine.kernels import fits_fp16
from lcnn_engine.model.bfloat16 import on_pairs
from lcnn_engine.model.graph import Graph, Node
from lcnn_engine.model.reference import tensors_by_node
from lcnn_engine.plan import planned
from lcnn_engine.plan.calls import StepKind

from ..networks.images import Images
from ..networks.model_files import network
from .limits import Limits

FP32, FP16 = 4, 2  # bytes
BYTES = {"float32": 4, "bfloat16": 2, "int8": 1}
OFFSET = 4  # bytes; filters that share their lookups share it
WORDS = {"bf16": "bfloat16", "int8": "int8"}
"""What a kernel's name has in it where it multiplies in a lower precision."""


class Work(NamedTuple):
    """What a step must do: bytes of weights and of activations to move, multiplications to make."""

    weights: float
    activations: float
    multiplications: float = 0.0


@dataclass(frozen=True)
class StepBound:
    """A step: what it took and the least it could, in microseconds. ``bound_by``: what sets that."""

    step: str
    op: str
    kernel: str
    us: float
    bound_us: float
    bound_by: str
    kind: StepKind
    multiplications: int

    @property
    def times(self) -> float | None:
        """How many times its bound the step takes."""
        return self.us / self.bound_us if self.bound_us else None


class Roofline:
    """The bounds of one network's steps on a core of those ``limits``.

    ``x``: the input float32 (H, W, C) whose zeros are counted out.
    """

    def __init__(self, net: Net, tensors: Mapping[str, np.ndarray], x: np.ndarray, limits: Limits) -> None:
        self._graph, self._tensors = planned(net.graph, tensors, precision=net.precision).network  # as it runs
        self._limits = limits
        self._nonzero = _nonzero_shares(Net(self._graph, self._tensors, threads=1), x)
        self._footprint = sum(tensor.size * BYTES[net.precision] for tensor in self._tensors.values())
        self._pairs = _on_pairs(self._graph, self._tensors) if net.precision == "bfloat16" else set()

    def bound(self, step: ProfileStep) -> StepBound:
        """Set a timed step beside its bound."""
        work, limits = self.work(step), self._limits
        seconds = {
            "multiplications": work.multiplications / limits.multiplications[arithmetic(step)],
            f"weights, {limits.level(self._footprint)}": limits.seconds(work.weights, self._footprint),
            f"activations, {limits.level(work.activations)}": limits.seconds(work.activations, work.activations),
        }
        compute, *memory = seconds.values()
        least = max(compute, sum(memory))
        by = "multiplications" if compute >= sum(memory) else max(list(seconds)[1:], key=seconds.__getitem__)
        times = (1e6 * step.seconds, 1e6 * least)
        return StepBound(step.name, step.op, step.kernel, *times, by, step.kind, step.multiplications)

    def work(self, step: ProfileStep) -> Work:
        """Count what a step must do, by its kind and its node."""
        node = self._graph.by_name.get(step.name)
        if node is None or step.kind in (StepKind.INPUT, StepKind.OUTPUT):
            return Work(0.0, 2 * FP32 * _size(self._graph.shapes[step.name]))
        read = sum(_size(self._graph.shapes[name]) for name in node.inputs)
        written = _size(self._graph.shapes[node.name])
        if step.kind is StepKind.NONZEROS or step.kernel == "ranges":
            return Work(0.0, FP32 * read)
        if step.kind in (StepKind.PACK_PAIRS, StepKind.PACK_QUADS):
            return Work(0.0, (FP32 + (2 if step.kind is StepKind.PACK_PAIRS else 1)) * read)
        if step.kind in (StepKind.REORDER, StepKind.SPLIT_BY_STRIDE):
            return Work(0.0, 2 * FP32 * read)
        if step.kind is StepKind.DENSE:
            return self._dense(step, node, read + written)
        if step.kind is StepKind.DICTIONARY:
            return self._dictionary(step, node, read)
        if step.kind in (StepKind.LOOKUP_TILE, StepKind.LOOKUP_GATHER, StepKind.LOOKUP_SHARED):
            return self._lookups(step, node, read, written)
        own = sum(array.size for name, array in self._tensors.items() if name.rpartition("/")[0] == node.name)
        size = BYTES[arithmetic(step)]
        return Work(size * own, size * read + FP32 * written, step.multiplications)

    def _dense(self, step: ProfileStep, node: Node, moved: int) -> Work:
        """A matrix times a vector reads no weights of inputs that are 0."""
        dictionary = self._tensors.get(f"{node.name}/dictionary")
        matrix = self._tensors[f"{node.name}/kernel"] if dictionary is None else dictionary
        made = self._nonzero[node.inputs[0]] * step.multiplications
        size = BYTES[arithmetic(step)]
        if size == FP32 and fits_fp16(matrix):
            size = FP16
        return Work(size * made, FP32 * moved, made)

    def _dictionary(self, step: ProfileStep, node: Node, read: int) -> Work:
        """S = D X: D is (k, m)."""
        dictionary = self._tensors[f"{node.name}/dictionary"]
        written = step.multiplications / dictionary.shape[1]
        size, of_s = BYTES[arithmetic(step)], 2 if node.name in self._pairs else FP32
        return Work(size * dictionary.size, size * read + of_s * written, step.multiplications)

    def _lookups(self, step: ProfileStep, node: Node, read: int, written: int) -> Work:
        """Lookups read S, or without a dictionary the input itself; so do grouped convolutions that run as lookups."""
        dictionary = self._tensors.get(f"{node.name}/dictionary")
        s = read if dictionary is None else read / dictionary.shape[1] * len(dictionary)
        size = BYTES[arithmetic(step)]
        offset = 0 if step.kind is StepKind.LOOKUP_SHARED else OFFSET
        lookups = self._tensors[f"{node.name}/{'indices' if is_lookup(node) else 'kernel'}"].size
        return Work((size + offset) * lookups, size * s + FP32 * written, step.multiplications)


def arithmetic(step: ProfileStep | StepBound) -> str:
    """Return the precision of what a step multiplies."""
    return next((precision for word, precision in WORDS.items() if word in step.kernel.split()), "float32")


def _on_pairs(graph: Graph, tensors: Mapping[str, np.ndarray]) -> set[str]:
    """Name the lookup layers whose S is rounded to bfloat16."""
    own = tensors_by_node(tensors)
    lookups = [node for node in graph.nodes if is_lookup(node)]
    return {node.name for node in lookups if on_pairs(own[node.name], graph.shapes[node.inputs[0]][-1])}


def _size(shape: Sequence[int]) -> int:
    return int(np.prod(shape))


def _nonzero_shares(net: Net, x: np.ndarray) -> dict[str, float]:
    """Of every node's value for ``x``, the share that is not 0."""
    values = net.features(x, [node.name for node in net.graph.nodes])
    shares = {name: float(np.count_nonzero(value) / value.size) for name, value in values.items()}
    return {net.graph.input.name: 1.0, **shares}


@dataclass(frozen=True)
class TimedNetwork:
    """A network with its steps timed on one thread."""

    net: Net
    tensors: Mapping[str, np.ndarray]
    x: np.ndarray
    steps: Sequence[ProfileStep]

    @classmethod
    def of(cls, name: str, images: Images, runs: int, precision: str = "float32") -> TimedNetwork:
        """Time the steps of a network over ``runs`` runs."""
        graph, tensors = network(name)
        net, x = Net(graph, tensors, threads=1, precision=precision), images.batch(name, 1)[0]
        return cls(net, tensors, x, net.profile(x, runs=runs).steps)

    @property
    def title(self) -> str:
        """The network's name, and its precision where that is not float32."""
        return self.net.name + ("" if self.net.precision == "float32" else f" in {self.net.precision}")

    @property
    def max_rates(self) -> dict[str, float]:
        """Multiplications a second of the fastest step of each precision, those aside that skip some."""
        found: dict[str, float] = {}
        for step in self.steps:
            if step.kind is not StepKind.DENSE and step.seconds:
                own = arithmetic(step)
                found[own] = max(found.get(own, 0.0), step.multiplications / step.seconds)
        return found

    def bounds(self, limits: Limits) -> list[StepBound]:
        """Set every step beside its bound on a core of those limits."""
        roofline = Roofline(self.net, self.tensors, self.x, limits)
        return [roofline.bound(step) for step in self.steps]
