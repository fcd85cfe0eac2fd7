"""Plans for programs without a BLAS: one for each instruction set, whether this processor has it or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import SettingError
from ..kernels import capabilities, needs_of, variants
from ..model.graph import Graph
from ..plan import SLACK, Machine, PackedConstant, Step, check_bytes, lifetimes_of, pack_constants, place, planned
from ..plan.calls import KernelCall
from ..runtime.precision import precision_of


class EmbeddedPlan(NamedTuple):
    """How a network is run by one ``variant``: its calls, where its buffers lie (in floats), and what it reads.

    ``machine`` is the architecture that the variant is for (``any``: all), ``features`` what it needs of it.
    ``arena`` and ``scratch`` are floats.
    """

    variant: str
    machine: str
    features: tuple[str, ...]
    precision: str
    steps: tuple[Step, ...]
    calls: tuple[KernelCall, ...]
    offsets: tuple[int, ...]
    constants: tuple[PackedConstant, ...]
    arena: int
    scratch: int


def plans_for(
    graph: Graph, tensors: Mapping[str, np.ndarray], isa: Sequence[str] | None, precision: str, max_bytes: int
) -> list[EmbeddedPlan]:
    """Make a plan for each of ``isa`` (None: every variant of this build), fastest first.

    Where a variant lacks the instructions for ``precision``, float32 is planned. Raises SettingError for a variant
    that this build does not have, ModelFormatError where activations take over ``max_bytes``.
    """
    built = [name for name, _ in variants()]
    unknown = [name for name in isa or () if name not in built]
    if unknown or (isa is not None and not isa):
        raise SettingError(f"expected isa to be one or more of {', '.join(built)}, got {', '.join(unknown) or 'none'}")
    return [_plan(graph, tensors, name, precision, max_bytes) for name in built if isa is None or name in isa]


def _plan(
    graph: Graph, tensors: Mapping[str, np.ndarray], variant: str, precision: str, max_bytes: int
) -> EmbeddedPlan:
    chosen = precision_of(capabilities(variant), precision)
    lowered = planned(graph, tensors, variant=variant, machine=Machine(blas=False), precision=chosen).lowered
    arena = place(lowered.buffers, lifetimes_of(lowered.calls, len(lowered.buffers)))
    scratch = max(call.scratch for call in lowered.calls) + SLACK
    check_bytes(graph.name, 4 * (arena.size + scratch), max_bytes)
    machine, features = needs_of(variant)
    return EmbeddedPlan(
        variant,
        machine,
        tuple(features),
        chosen,
        lowered.steps,
        lowered.calls,
        arena.offsets,
        pack_constants(lowered.constants, np.zeros),
        arena.size,
        scratch,
    )
