"""From a graph to a program of kernel steps: fusions, layouts, one arena, the kernel of every node.

``fusion`` says what runs together, ``lowering``, ``lookups`` and ``convolutions`` choose kernels and geometry,
``memory`` lays out the arena, ``packing`` orders weights, ``builder`` carries the state. All shapes and offsets are
settled here, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..kernels import Program, choose_variant
from ..model.graph import MAX_BYTES, Graph, Shape
from .builder import Builder, Step
from .fusion import Task, borders, fuse, join_pools, needed_nodes
from .lowering import BEFORE_POOLS, LOWERINGS

__all__ = ["Plan", "Step"]


class Plan:
    """How one network is run on this machine.

    ``outputs`` names the nodes whose values are wanted (default: the graph's output), ``variant`` the kernels to use
    (default: the environment's or the fastest). ``max_bytes`` bounds the memory of activations.
    Raises ModelFormatError where that bound is passed, SettingError for an unknown variant.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: Mapping[str, np.ndarray],
        *,
        outputs: Sequence[str] | None = None,
        variant: str | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        names = list(outputs) if outputs is not None else [graph.output]
        tasks = fuse(needed_nodes(graph, names), names)
        self.variant = choose_variant(variant)
        self.outputs = names
        self.output_shapes: list[Shape] = [graph.shapes[name] for name in names]
        self._program = Program(self.variant)
        builder = Builder(graph, tensors, self._program, borders(graph, tasks, _lookups(tasks, tensors)))
        for task, pool in join_pools(tasks, names):
            if pool:
                BEFORE_POOLS[task.node.op](builder, task, pool)
            else:
                LOWERINGS[task.node.op](builder, task)
        for number, name in enumerate(names):
            _emit(builder, number, name)
        self.arena_bytes = builder.finish(names, max_bytes)
        self.steps: tuple[Step, ...] = tuple(builder.steps)

    def run(
        self, pictures: np.ndarray, outputs: Sequence[np.ndarray], threads: int, seconds: np.ndarray | None = None
    ) -> bool:
        """Run ``pictures``, float32 (N, H, W, C) in C order, into ``outputs``, float32 (N, ...) each.

        ``seconds`` (number of steps,) float64 has each step's time added to it. False: a number was not finite, and the
        outputs are without meaning. Any number of threads may be in here at once.
        """
        return self._program.run(pictures.reshape(-1), [array.reshape(-1) for array in outputs], threads, seconds)


def _lookups(tasks: Sequence[Task], tensors: Mapping[str, np.ndarray]) -> dict[str, int]:
    """How many lookups each lookup layer has."""
    names = [task.node.name for task in tasks]
    return {name: len(tensors[f"{name}/indices"]) for name in names if f"{name}/indices" in tensors}


def _emit(builder: Builder, number: int, name: str) -> None:
    value = builder.value(name)

    def add() -> None:
        builder.program.add_emit(value.map(), output=number)

    builder.step(name, "output", "emit", add, [value.buffer])
