"""From a graph to kernel calls: what runs together, which kernels, where everything lies, and the bytes they run from.

In this order, each stage a file with plain data between: ``folding`` makes the graph smaller, ``choosing`` says by
``times`` which lookup layers are ``multiplying`` out, ``fusion`` and ``borders`` look at it; ``lower`` turns every node
into steps and kernel calls that name buffers and constants; ``arena`` places the buffers; ``packing`` and
``encode`` make bytes of the rest, for a Program of ``kernels``. All shapes and offsets are settled here, once. No file
is read here, and nothing is computed but a plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ModelFormatError
from ..kernels import Capabilities, ConstantMemory, Program, capabilities, choose_variant
from ..model.graph import MAX_BYTES, Graph, Shape
from .arena import SLACK, Arena, Buffer, lifetimes_of, place
from .calls import KernelCall, Step, StepKind
from .choosing import MULTIPLIED_OUT, choices
from .encode import encode, pack_constants
from .folding import fold
from .lower.network import lower
from .lowering import Lowered
from .machine import Machine
from .multiplying import Network, multiplied_out, with_room
from .packing import PackedConstant
from .times.machines import times_of

__all__ = [
    "SLACK", "Machine", "PackedConstant", "Plan", "Planned", "Step", "StepKind", "check_bytes", "lifetimes_of", "lower",
    "pack_constants", "place", "planned",
]  # fmt: skip


class Planned(NamedTuple):
    """What a plan is made of, without the plan: for which variant, what its kernels are capable of, the network that is
    left after folding and multiplying out, its steps and calls, and the names of the layers that were multiplied out.
    """

    variant: str
    able: Capabilities
    network: Network
    lowered: Lowered
    multiplied: tuple[str, ...]


def planned(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    *,
    outputs: Sequence[str] | None = None,
    variant: str | None = None,
    machine: Machine | None = None,
    folding: bool = True,
    precision: str = "float32",
    multiplied: Collection[str] | None = None,
) -> Planned:
    """Fold, choose and lower a network; everything is as in :class:`Plan`, but that ``variant`` need not run here."""
    outputs = list(outputs) if outputs is not None else [graph.output]
    name = variant or choose_variant()
    able = capabilities(name)
    network: Network = fold(graph, tensors, outputs) if folding else (graph, tensors)
    lowered = None
    if multiplied is None:
        lowered = lower(*network, outputs, able, machine, precision)
        found = choices(network[0], lowered, able, machine, precision, times_of(name))
        multiplied = with_room(*network, [choice.name for choice in found if choice.chosen == MULTIPLIED_OUT])
    network_left = multiplied_out(*network, multiplied)
    if lowered is None or network_left[0] is not network[0]:
        lowered = lower(*network_left, outputs, able, machine, precision)
    pairs = zip(network[0].nodes, network_left[0].nodes, strict=True)
    done = tuple(before.name for before, after in pairs if before is not after)
    return Planned(name, able, network_left, lowered, done)


class Plan:
    """How one network is run on this machine.

    ``outputs`` names the nodes whose values are wanted (default: the graph's output), ``variant`` the kernels to use
    (default: the environment's or the fastest). ``max_bytes`` bounds the memory of activations, ``machine`` is what
    choices go by, ``precision`` what is computed (``model/precision.py``), which every variant can, be it slowly.
    ``folding``: leave out what never changes and what nobody reads (see the folder ``folding``), before any rounding.
    ``multiplied``: the lookup layers that are computed as the dense ones that they stand for (see ``multiplying``),
    after folding and before any rounding; None: those that are predicted to be faster so, on this class of machine.
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
        multiplied: Collection[str] | None = None,
    ) -> None:
        self.name = graph.name
        self.outputs = list(outputs) if outputs is not None else [graph.output]
        self.output_shapes: list[Shape] = [graph.shapes[name] for name in self.outputs]
        self.precision = precision
        done = planned(
            graph, tensors, outputs=self.outputs, variant=choose_variant(variant), machine=machine, folding=folding,
            precision=precision, multiplied=multiplied,
        )  # fmt: skip
        self.variant, self.multiplied, lowered = done.variant, done.multiplied, done.lowered
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
