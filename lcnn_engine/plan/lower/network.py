"""Lowering of a whole network: its nodes in order, a convolution with the pool behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...kernels import Capabilities
from ...model.graph import Graph
from ..borders import LookupUse, borders_of
from ..fusion import FusedNode, fuse, join_pools, needed_nodes
from ..lookup_orders import shared_groups
from ..lowering import Lowered, Lowering
from ..machine import Machine
from . import LOWERINGS, WITH_POOL
from .elementwise import lower_output
from .shared_lookups import SHARED_LANES

__all__ = ["lower"]


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
