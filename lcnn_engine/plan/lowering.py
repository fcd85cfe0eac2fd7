"""A plan in the making: values by name, and the buffers, constants, steps and calls that lowering has made so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ModelFormatError
from ..kernels import Capabilities
from ..model import bfloat16, int8
from ..model.graph import Graph, Node, Shape
from ..model.node import MAX_ELEMENTS
from .arena import Buffer
from .borders import LookupUse
from .calls import KernelCall, Step, StepKind
from .fields import PackPairs, SpaceToDepth
from .layout import NO_BORDER, Border, Layout, Value, layout_of
from .machine import Machine
from .packing import Constant, Packing
from .references import INPUT, ConstantRef, Place

MAX_CALLS = 2**18  # a call takes 1 kB, and one more input of a concatenation 4 bytes of a file


class Ranged(NamedTuple):
    """The greatest values of the parts of an activation, and where its scale and its zero are to go."""

    parts: Place
    number: int
    place: Place


class Quads(NamedTuple):
    """The words that int8 kernels read of a buffer of planes, in planes like them, and where scale and zero are."""

    buffer: int
    range: Place


class Lowered(NamedTuple):
    """What a graph was lowered to. ``constants`` go one by one as they are packed: arrays of layers are large."""

    steps: tuple[Step, ...]
    calls: tuple[KernelCall, ...]
    buffers: tuple[Buffer, ...]
    constants: list[Constant]


class Lowering:
    """Collects what :class:`Lowered` holds. One for each plan; thrown away after it.

    ``borders``: of every value, as its consumers need it. ``uses``: what lookup layers make of their inputs.
    ``capabilities``: of the variant that is planned for. ``precision``: what is computed.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: Mapping[str, np.ndarray],
        borders: Mapping[str, Border],
        uses: Mapping[str, LookupUse],
        capabilities: Capabilities,
        machine: Machine,
        precision: str = "float32",
    ) -> None:
        self.graph = graph
        self.tensors = tensors
        self.borders = borders
        self.uses = uses
        self.capabilities = capabilities
        self.machine = machine
        self.precision = precision
        self._words: dict[tuple[int, bool], int] = {}
        self.quads: dict[int, Quads] = {}
        self.ranges: dict[str, Ranged] = {}
        self._values: dict[str, Value] = {}
        self._steps: list[Step] = []
        self._calls: list[KernelCall] = []
        self._buffers: list[Buffer] = []
        self._constants: list[Constant] = []

    def finish(self) -> Lowered:
        """Give what has been collected."""
        return Lowered(tuple(self._steps), tuple(self._calls), tuple(self._buffers), self._constants)

    def tensor(self, node: str, name: str) -> np.ndarray | None:
        """Give the tensor ``<node>/<name>``, or None where the model leaves it out."""
        return self.tensors.get(f"{node}/{name}")

    def tensors_of(self, node: str) -> dict[str, np.ndarray]:
        """Give the tensors of a node by their names in it."""
        names = (f"{node}/{name}" for name in self.graph.tensor_specs(self.graph[node]))
        return {name.rpartition("/")[2]: self.tensors[name] for name in names if name in self.tensors}

    def bias(self, node: str, size: int) -> np.ndarray:
        """Give the bias of a node, float32 (size,): zeros where the model leaves it out."""
        bias = self.tensor(node, "bias")
        return np.zeros(size, np.float32) if bias is None else bias

    def shape(self, name: str) -> Shape:
        """Give the outside shape of a value."""
        return self.graph.shapes[name]

    def is_input(self, name: str) -> bool:
        """Tell whether ``name`` is the graph's input."""
        return name == self.graph.input.name

    def constant(self, name: str, array: np.ndarray, packing: Packing, groups: int = 1, lanes: int = 1) -> ConstantRef:
        """Add a constant for calls to refer to."""
        self._constants.append(Constant(name, packing, array, groups, lanes))
        return ConstantRef(len(self._constants) - 1)

    def integers(self, name: str, array: Sequence[int] | np.ndarray) -> ConstantRef:
        """Add a constant of int32. Raises ModelFormatError for numbers that are none."""
        numbers = np.asarray(array)
        largest = int(np.abs(numbers).max(initial=0))
        if largest > MAX_ELEMENTS:
            raise ModelFormatError(
                f"model {self.graph.name!r}: expected {name} of at most {MAX_ELEMENTS}, found {largest}; "
                f"make the image or the padding smaller"
            )
        return self.constant(name, numbers, Packing.INTEGERS)

    def floats(self, name: str, array: np.ndarray | None) -> ConstantRef | None:
        """Add a constant of float32; None stays None."""
        return None if array is None else self.constant(name, array, Packing.FLOATS)

    def buffer(self, size: int, replaces: tuple[int, ...] = ()) -> int:
        """Make room in the arena; its number."""
        self._buffers.append(Buffer(size, replaces))
        return len(self._buffers) - 1

    def room(self, layout: Layout) -> Value:
        """Make room for an activation that no other node reads."""
        return Value(layout, self.buffer(layout.size))

    def new_value(self, name: str, row: int = 0, over: Sequence[Value] = ()) -> Value:
        """Make room for the result ``name``, with the border that its consumers need.

        Rows are ``row`` floats long where that is no less. It may take the place of one of ``over`` that lies as it
        does, when that is not read any more.
        """
        layout = layout_of(self.shape(name), self.borders.get(name, NO_BORDER))
        if layout.height > 1 and layout.row < row:
            layout = layout._replace(border=(*layout.border[:3], row - layout.width))
        same = (
            value.buffer
            for value in over
            if value.layout.border == layout.border
            and value.layout.channels == layout.channels
            and value.layout.used == layout.used
        )
        value = Value(layout, self.buffer(layout.size, tuple(same)))
        self._values[name] = value
        return value

    def alias(self, name: str, value: Value) -> None:
        """Let ``name`` be what ``value`` is."""
        self._values[name] = value

    def is_in_planes(self, name: str) -> bool:
        """Tell whether an activation lies in planes already: the caller's input may not."""
        return name in self._values

    def value(self, name: str) -> Value:
        """Give an activation in planes; the caller's input is laid out in planes when it is first asked for."""
        if name not in self._values:
            self._bring_in(name)
        return self._values[name]

    def rounds(self, node: Node) -> bool:
        """Tell whether the input of ``node`` is rounded in this precision."""
        return self.precision == "bfloat16" and bfloat16.is_rounded(node, self.tensors_of(node.name))

    def quantizes(self, node: Node) -> bool:
        """Tell whether integers are made of the input of ``node`` in this precision."""
        return self.precision == "int8" and int8.is_quantized(node, self.tensors_of(node.name))

    def on_pairs(self, node: Node) -> bool:
        """Tell whether the lookups of ``node`` are on pairs of atoms in this precision."""
        channels = self.shape(node.inputs[0])[-1]
        return self.precision == "bfloat16" and bfloat16.on_pairs(self.tensors_of(node.name), channels)

    def pairs(self, name: str, buffer: int, channels: int, plane: int, columns: bool = False) -> int:
        """Give the buffer of a buffer's words of two channels, or of ``columns``; for ``name``, the first to ask, they
        are packed."""
        key = (buffer, columns)
        if key not in self._words:
            count = 2 * channels if columns else -(-channels // 2)
            self._words[key] = self.buffer(count * plane)
            step = self.step(name, "round to bfloat16", StepKind.PACK_PAIRS, "pack pairs")
            fields = PackPairs(Place(buffer), plane, channels, columns, Place(self._words[key]))
            self.call(KernelCall(step, "pack_pairs", fields, units=count, work=channels * plane))
        return self._words[key]

    def step(self, name: str, op: str, kind: StepKind, kernel: str, multiplications: int = 0) -> int:
        """Begin a step; its number, for the calls that it is made of."""
        self._steps.append(Step(name, op, kind, kernel, multiplications))
        return len(self._steps) - 1

    def call(self, call: KernelCall) -> None:
        """Append a kernel call. Raises ModelFormatError where there are too many."""
        if len(self._calls) == MAX_CALLS:
            raise ModelFormatError(
                f"model {self.graph.name!r}: expected nodes and their inputs to be at most {MAX_CALLS} steps to run"
            )
        self._calls.append(call)

    def _bring_in(self, name: str) -> None:
        value = self.new_value(name)
        top, _, left, _ = value.layout.border
        height, width, channels = self.graph.input.shape
        step = self.step(name, "input", StepKind.INPUT, "space to depth")
        phase = self.integers(f"{name}/phase", [0])
        self.call(
            space_to_depth(
                step,
                source=INPUT,
                source_strides=(1, width * channels, channels),
                image=(height, width, channels),
                origin=(top, left),
                strides=(1, 1),
                phases=[(0, 0)],
                phase_constants=(phase, phase),
                size=(value.layout.rows, value.layout.row),
                target=Place(value.buffer),
                plane=value.layout.plane,
            )
        )


def space_to_depth(
    step: int,
    *,
    source: Place,
    source_strides: tuple[int, int, int],
    image: tuple[int, int, int],
    origin: tuple[int, int],
    strides: tuple[int, int],
    phases: Sequence[tuple[int, int]],
    phase_constants: tuple[ConstantRef, ConstantRef],
    size: tuple[int, int],
    target: Place,
    plane: int,
) -> KernelCall:
    """Make the call that brings an image into planes, split into ``phases`` [(y, x), ...] of ``strides``.

    ``source_strides``: (channel, row, x) of the source; ``image``: its (H, W, C); ``origin``: (top, left);
    ``size``: (rows, columns) of a phase.
    """
    (rows, columns), (height, width, channels) = size, image
    fields = SpaceToDepth(
        source, *source_strides, channels, height, width, *origin, *strides, len(phases), rows, columns, target, plane,
        *phase_constants,
    )  # fmt: skip
    work = channels * len(phases) * rows * columns
    return KernelCall(step, "space_to_depth", fields, units=rows, work=work)
