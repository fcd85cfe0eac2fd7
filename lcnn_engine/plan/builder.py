"""The state of a plan in the making: values by name, buffers, and steps that are put into a program at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import ModelFormatError
from ..kernels import Program
from ..model.graph import Graph, Shape
from .calls import StepKind
from .memory import Border, Buffer, Value, lay_out, value_of

MAX_STEPS = 2**18  # a step takes 1 kB, and one more input of a concatenation 4 bytes of a file


@dataclass(frozen=True, slots=True)
class Step:
    """A kernel at work on one node, in one call or in bands of rows: what runs, and the multiplications it makes."""

    name: str
    op: str
    kind: StepKind
    kernel: str
    multiplications: int


def _kind_of(op: str, kernel: str) -> StepKind:
    """Read the kind off the labels that lowering gives."""
    if kernel in ("arrange", "emit"):
        kinds = {"input": StepKind.INPUT, "output": StepKind.OUTPUT, "split by stride": StepKind.SPLIT_BY_STRIDE}
        return kinds.get(op, StepKind.REORDER)
    if kernel.startswith("lookup"):
        return StepKind.LOOKUP_GATHER if kernel.startswith("lookup gather") else StepKind.LOOKUP_TILE
    if kernel.startswith("conv"):
        return StepKind.CONV_PATCHES if kernel == "conv patches" else StepKind.CONV
    return StepKind.DICTIONARY if kernel == "sgemm" else StepKind(kernel.replace(" ", "_"))


@dataclass
class Builder:
    """Collects steps, and what adds each to the program once the arena is laid out and buffers know their offsets."""

    graph: Graph
    tensors: Mapping[str, np.ndarray]
    program: Program
    borders: Mapping[str, Border]
    values: dict[str, Value] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    adds: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)
    scratch: int = 0

    def tensor(self, node: str, name: str) -> np.ndarray | None:
        """The tensor ``<node>/<name>``, or None where the model leaves it out."""
        return self.tensors.get(f"{node}/{name}")

    def csr(self, node: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """indptr (n+1,), indices (nnz,) and coefficients (nnz,) of a lookup layer."""
        return self.tensors[f"{node}/indptr"], self.tensors[f"{node}/indices"], self.tensors[f"{node}/coefficients"]

    def shape(self, name: str) -> Shape:
        return self.graph.shapes[name]

    def is_input(self, name: str) -> bool:
        return name == self.graph.input.name

    def buffer(self, size: int) -> Buffer:
        """Room in the arena for something that is no activation."""
        buffer = Buffer(size)
        self.buffers.append(buffer)
        return buffer

    def new_value(self, name: str, row: int = 0) -> Value:
        """Room for the result ``name``, with the border that its consumers need; its rows are ``row`` floats long where
        that is no less."""
        value = value_of(self.shape(name), self.borders.get(name, (0, 0, 0, 0)))
        if value.height > 1 and value.row < row:
            top, bottom, left, right = value.border
            value = value_of(self.shape(name), (top, bottom, left, right + row - value.row))
        self.buffers.append(value.buffer)
        self.values[name] = value
        return value

    def step(
        self,
        name: str,
        op: str,
        kernel: str,
        add: Callable[[], None],
        uses: list[Buffer],
        multiplications: int = 0,
        scratch: int = 0,
    ) -> None:
        """Append a step that touches ``uses`` and needs ``scratch`` floats of its thread. ``add`` runs once."""
        self.call(self.register(name, op, kernel, uses, multiplications, scratch), add)

    def register(
        self, name: str, op: str, kernel: str, uses: list[Buffer], multiplications: int = 0, scratch: int = 0
    ) -> int:
        """A step made of any number of calls, to be told to :meth:`call` by the number given back."""
        slot = len(self.steps)
        for buffer in uses:
            buffer.touch(slot)
        self.scratch = max(self.scratch, scratch)
        self.steps.append(Step(name, op, _kind_of(op, kernel), kernel, multiplications))
        return slot

    def call(self, slot: int, add: Callable[[], None]) -> None:
        """Have ``add`` put a kernel call of step ``slot`` into the program, behind those of earlier calls."""
        if len(self.adds) == MAX_STEPS:
            raise ModelFormatError(
                f"model {self.graph.name!r}: expected nodes and their inputs to be at most {MAX_STEPS} steps to run"
            )
        self.adds.append((slot, add))

    def value(self, name: str) -> Value:
        """An activation in planes; the caller's input is laid out in planes when it is first asked for."""
        if name not in self.values:
            self._bring_in(name)
        return self.values[name]

    def _bring_in(self, name: str) -> None:
        value = self.new_value(name)
        top, bottom, left, right = value.border
        height, width, channels = self.graph.input.shape

        def add() -> None:
            self.program.add_arrange(
                source=-1,
                strides=(1, width * channels, channels),
                picture=(height, width, channels),
                origin=(top, left),
                step=(1, 1),
                phases=[(0, 0)],
                size=(top + height + bottom, left + width + right),
                target=value.buffer.offset,
                plane=value.plane,
            )

        self.step(name, "input", "arrange", add, [value.buffer])

    def finish(self, outputs: list[str], max_bytes: int) -> int:
        """Lay out the arena and put all steps into the program; the bytes of the arena.

        Raises ModelFormatError where it would exceed ``max_bytes``.
        """
        arena = lay_out(self.buffers)
        if 4 * (arena + self.scratch) > max_bytes:
            raise ModelFormatError(
                f"model {self.graph.name!r}: expected activations of at most {max_bytes} bytes while it runs, found "
                f"{4 * (arena + self.scratch)}; raise max_bytes if that is meant"
            )
        self.adds.reverse()
        while self.adds:  # each goes once it has run, and with it the arrays that it packed weights from
            slot, add = self.adds.pop()
            self.program.begin_step(slot)
            add()
        height, width, channels = self.graph.input.shape
        self.program.seal(
            input_size=height * width * channels, outputs=len(outputs), arena=arena, scratch=self.scratch + 64
        )
        return 4 * arena
