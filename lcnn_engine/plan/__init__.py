"""From a graph to kernel calls: what runs together, which kernels, where everything lies, and the bytes they run from.

In this order, each stage a file with plain data between: ``folding`` makes the graph smaller, ``fusion`` and
``borders`` look at it; ``lower`` turns
every node into steps and kernel calls that name buffers and constants; ``arena`` places the buffers; ``packing`` and
``encode`` make bytes of the rest, for a Program of ``kernels``. All shapes and offsets are settled here, once. No file
is read here, and nothing is computed but a plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ModelFormatError
from ..kernels import Capabilities, ConstantMemory, Program, capabilities, choose_variant
from ..model.graph import MAX_BYTES, Graph, Shape
from .arena import SLACK, Arena, Buffer, lifetimes_of, place
from .borders import LookupUse, borders_of
from .calls import KernelCall, Step, StepKind
from .encode import encode, pack_constants
from .folding import fold
from .fusion import FusedNode, fuse, join_pools, needed_nodes
from .lookup_orders import shared_groups
from .lower import LOWERINGS, WITH_POOL
from .lower.elementwise import lower_output
from .lower.shared_lookups import SHARED_LANES
from .lowering import Lowered, Lowering
from .machine import Machine
from .packing import PackedConstant

__all__ = [
    "SLACK", "Machine", "PackedConstant", "Plan", "Step", "StepKind", "check_bytes", "fold", "lifetimes_of", "lower",
    "lowered_for", "pack_constants", "place",
]  # fmt: skip


def lower(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    outputs: Sequence[str],
    able: Capabilities,
    machine: Machine | None = None,
    precision: str = "float32",
) -> Lowered:
    """Give the steps, calls, buffers and constants of a network, for kernels that are ``able``. It needs none.

    ``outputs`` names the nodes whose values are wanted. ``precision``: a name of ``model/precision.py``.
    Raises ModelFormatError for what is too large.
    """
    machine = machine or Machine()
    fused = fuse(needed_nodes(graph, outputs), outputs)
    uses = _lookup_uses(fused, tensors, machine)
    lowering = Lowering(graph, tensors, borders_of(graph, fused, uses, machine), uses, able, machine, precision)
    for one, pool in join_pools(fused, outputs):
        if pool:
            WITH_POOL[one.node.op](lowering, one, pool)
        else:
            LOWERINGS[one.node.op](lowering, one)
    for number, name in enumerate(outputs):
        lower_output(lowering, number, name)
    return lowering.finish()


class LoweredFor(NamedTuple):
    """What a network was lowered to, for which variant, and what its kernels are capable of."""

    variant: str
    able: Capabilities
    lowered: Lowered


def lowered_for(
    graph: Graph, tensors: Mapping[str, np.ndarray], variant: str | None = None, precision: str = "float32"
) -> LoweredFor:
    """Give what a plan of a network's output is made of, without the plan. Otherwise as :class:`Plan`."""
    outputs, name = [graph.output], choose_variant(variant)
    able = capabilities(name)
    return LoweredFor(name, able, lower(*fold(graph, tensors, outputs), outputs, able, precision=precision))


class Plan:
    """How one network is run on this machine.

    ``outputs`` names the nodes whose values are wanted (default: the graph's output), ``variant`` the kernels to use
    (default: the environment's or the fastest). ``max_bytes`` bounds the memory of activations, ``machine`` is what
    choices go by, ``precision`` what is computed (``model/precision.py``), which every variant can, be it slowly.
    ``folding``: leave out what never changes and what nobody reads (see the folder ``folding``), before any rounding.
    ``str(plan)`` shows all of it; two plans are equal where they run the same calls on the same numbers.
    Raises ModelFormatError where ``max_bytes`` is passed, SettingError for an unknown variant.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: Mapping[str, np.ndarray],
        *,
        outputs: Sequence[str] | None = None,
        variant: str | None = None,
        max_bytes: int = MAX_BYTES,
        machine: Machine | None = None,
        folding: bool = True,
        precision: str = "float32",
    ) -> None:
        self.name = graph.name
        self.outputs = list(outputs) if outputs is not None else [graph.output]
        self.output_shapes: list[Shape] = [graph.shapes[name] for name in self.outputs]
        self.variant = choose_variant(variant)
        self.precision = precision
        if folding:
            graph, tensors = fold(graph, tensors, self.outputs)
        lowered = lower(graph, tensors, self.outputs, capabilities(self.variant), machine, precision)
        self.steps: tuple[Step, ...] = lowered.steps
        self.calls: tuple[KernelCall, ...] = lowered.calls
        self.buffers: tuple[Buffer, ...] = lowered.buffers
        self.arena: Arena = place(self.buffers, lifetimes_of(self.calls, len(self.buffers)))
        scratch = max(call.scratch for call in self.calls)
        check_bytes(graph.name, 4 * (self.arena.size + scratch), max_bytes)
        memory = ConstantMemory()
        self.constants: tuple[PackedConstant, ...] = pack_constants(lowered.constants, memory.zeros)
        height, width, channels = graph.input.shape
        self._program = Program(
            self.variant,
            encode(self.calls, self.arena.offsets, self.constants),
            memory,
            input_size=height * width * channels,
            outputs=len(self.outputs),
            arena=self.arena.size,
            scratch=scratch + SLACK,
        )

    @property
    def arena_bytes(self) -> int:
        """Bytes of all activations together."""
        return 4 * self.arena.size

    def run(
        self, images: np.ndarray, outputs: Sequence[np.ndarray], threads: int, seconds: np.ndarray | None = None
    ) -> bool:
        """Run ``images``, float32 (N, H, W, C) in C order, into ``outputs``, float32 (N, ...) each.

        ``seconds`` (number of steps,) float64 has each step's time added to it. False: a number was not finite, and the
        outputs are without meaning. Any number of threads may be in here at once.
        """
        return self._program.run(images.reshape(-1), [array.reshape(-1) for array in outputs], threads, seconds)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Plan):
            return NotImplemented
        return (
            (self.variant, self.precision) == (other.variant, other.precision)
            and (self.outputs, self.output_shapes) == (other.outputs, other.output_shapes)
            and (self.steps, self.calls, self.buffers) == (other.steps, other.calls, other.buffers)
            and self.arena == other.arena
            and len(self.constants) == len(other.constants)
            and all(map(PackedConstant.same, self.constants, other.constants))
        )

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        from .printing import plan_text  # here, for most programs never ask

        title = f"plan of {self.name!r} for {self.variant}"
        title += "" if self.precision == "float32" else f" in {self.precision}"
        return plan_text(title, self.steps, self.calls, self.buffers, self.arena, self.constants)


def check_bytes(name: str, found: int, max_bytes: int) -> None:
    """Hold the memory of activations, of model ``name``, to its bound. Raises ModelFormatError."""
    if found > max_bytes:
        raise ModelFormatError(
            f"model {name!r}: expected activations of at most {max_bytes} bytes while it runs, found {found}; raise "
            "max_bytes if that is meant"
        )


def _lookup_uses(
    fused: Sequence[FusedNode], tensors: Mapping[str, np.ndarray], machine: Machine
) -> dict[str, LookupUse]:
    """Tell what each lookup layer makes of its input."""
    uses = {}
    for name in (one.node.name for one in fused):
        if f"{name}/indptr" in tensors:
            indices = tensors[f"{name}/indices"]
            _, alone = shared_groups(tensors[f"{name}/indptr"], indices, SHARED_LANES, machine.shared_filters)
            uses[name] = LookupUse(len(indices), not len(alone), f"{name}/dictionary" in tensors)
    return uses
