"""What every operation is: a node with attributes, checked, that gives a shape and says what tensors it needs; and what
those with an activation, and those with a window, have in common.

Shapes are ``(H, W, C)`` or ``(C,)``, as everywhere outside the engine. Tensors belong to nodes by name
(``<node>/<tensor>``); a node states what tensors it needs in :meth:`Node.tensor_specs`. Breaking a rule raises
:class:`ModelFormatError`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

from ..errors import ModelFormatError
from ..utils.messages import shown
from .activations import ACTIVATION_FUNCTIONS, ACTIVATIONS

__all__ = [
    "MAX_ELEMENTS", "MAX_FLOAT", "Activated", "Node", "Record", "Shape", "TensorSpec", "Windowed", "check_finite",
    "check_integers", "elements", "format_error", "is_finite", "is_size", "node_error", "window_output",
]  # fmt: skip

Shape = tuple[int, ...]
MAX_ELEMENTS = 2**31 - 1
MAX_FLOAT = (2 - 2**-23) * 2.0**127  # the largest finite float32: attributes are calculated with as float32


class TensorSpec(NamedTuple):
    """What a node expects of one tensor.

    ``shape`` holds sizes, or names of sizes (``"k"``, ``"nnz"``) that the file decides and that every tensor of
    the node must agree on. ``dtype`` is ``"F32"`` (F16 is accepted and widened) or ``"I32"``.
    """

    dtype: str
    shape: tuple[int | str, ...]
    optional: bool = False


def format_error(where: str, expected: str, found: object) -> ModelFormatError:
    """Make the error of a broken rule, to be raised."""
    return ModelFormatError(f"{where}: expected {expected}, found {shown(found)}")


def node_error(name: str, expected: str, found: object) -> ModelFormatError:
    """Make the error of the node of that name, to be raised."""
    return format_error(f"node {shown(name)}", expected, found)


def elements(shape: Sequence[int]) -> int:
    """Count the values in an array of this shape."""
    return math.prod(shape)


def is_size(value: object) -> bool:
    """Tell whether ``value`` is an int (no bool) from 1 to MAX_ELEMENTS."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_ELEMENTS


def check_integers(node: Node, attribute: str, low: int, length: int | None = None) -> None:
    """Check that ``attribute`` is an int, or with ``length`` a tuple of as many, from ``low`` to MAX_ELEMENTS.

    Raises ModelFormatError.
    """
    value = getattr(node, attribute)
    kind = "an integer" if length is None else f"{length} integers"
    numbers = (value,) if length is None else value
    if length is not None and (not isinstance(value, tuple) or len(value) != length):
        raise node_error(node.name, f"{attribute} to be {kind}", value)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= MAX_ELEMENTS:
            raise node_error(node.name, f"{attribute} to be {kind} from {low} to {MAX_ELEMENTS}", value)


def is_finite(value: object) -> bool:
    """Tell whether ``value`` is a number (no bool) that float32 can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -MAX_FLOAT <= value <= MAX_FLOAT


def check_finite(node: Node, attribute: str) -> None:
    """Check that ``attribute`` is a number that float32 can hold. Raises ModelFormatError."""
    value = getattr(node, attribute)
    if not is_finite(value):
        raise node_error(node.name, f"{attribute} to be a finite number", value)


def window_output(size: int, before: int, after: int, window: int, stride: int, dilation: int = 1) -> int:
    """Count the output positions of a window of ``window`` taps along one axis (below 1: it fits nowhere)."""
    return (size + before + after - ((window - 1) * dilation + 1)) // stride + 1


class Record:
    """What the dataclasses of this package share: they compare, hash and print by type and fields.

    Each would have methods of its own for that, made when it is imported, and their making would take a quarter of the
    time that importing the package takes: so ``eq`` and ``repr`` are False.
    """

    def __eq__(self, other: object) -> bool:
        return _values(self) == _values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(_values(self))

    def __repr__(self) -> str:
        pairs = zip(fields(self), _values(self), strict=True)  # type: ignore[arg-type]  # only dataclasses inherit
        return f"{type(self).__qualname__}({', '.join(f'{field.name}={value!r}' for field, value in pairs)})"


def _values(record: Any) -> tuple[Any, ...]:
    return tuple(getattr(record, field.name) for field in fields(record))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Node(Record):
    """One step of a network. ``inputs`` name the graph's input or earlier nodes."""

    name: str
    inputs: tuple[str, ...]
    op: ClassVar[str]
    rank: ClassVar[int | None] = None  # required rank of every input; None: any
    count: ClassVar[int] = 1  # of inputs
    many: ClassVar[bool] = False  # two or more inputs instead of ``count``

    def check(self) -> None:
        """Check the attributes alone, without shapes. Raises ModelFormatError."""
        if len(self.inputs) < 2 if self.many else len(self.inputs) != self.count:
            expected = "two or more inputs" if self.many else ("no inputs", "one input", "two inputs")[self.count]
            raise node_error(self.name, expected, list(self.inputs))

    def output_shape(self, *inputs: Shape) -> Shape:
        """Give the result's shape for inputs of these shapes. Raises ModelFormatError where they do not fit."""
        for name, shape in zip(self.inputs, inputs, strict=True):
            if self.rank is not None and len(shape) != self.rank:
                wanted = "(H, W, C)" if self.rank == 3 else "(C,)"
                raise node_error(self.name, f"input {shown(name)} of shape {wanted}", shape)
        return self._shape(*inputs)

    def _shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        """Give what is expected of the node's tensors, by their names after the slash, for such ``inputs``."""
        return {}

    def attributes(self) -> dict[str, Any]:
        """Give all fields but name and inputs, in the order of their definition."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("name", "inputs")}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Activated(Node):
    """A node whose result goes through an activation function of ``activations.py``; ``alpha`` where that takes it."""

    activation: str = "linear"
    alpha: float | None = None

    def check(self) -> None:
        super().check()
        if self.activation not in ACTIVATIONS:
            raise node_error(self.name, f"activation to be one of {', '.join(ACTIVATIONS)}", self.activation)
        if ACTIVATION_FUNCTIONS[self.activation].takes_alpha:
            check_finite(self, "alpha")
        elif self.alpha is not None:
            takers = ", ".join(row.name for row in ACTIVATION_FUNCTIONS.values() if row.takes_alpha)
            raise node_error(self.name, f"alpha only with {takers}", self.alpha)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Windowed(Node):
    """A window that slides over (H, W): convolutions and pools."""

    rank = 3
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def window(self) -> tuple[int, int]:
        """Give height and width of the window, in taps."""
        raise TypeError(f"{type(self).__name__} has no window")

    def spacing(self) -> tuple[int, int]:
        """Give the distance between neighbouring taps, down and across."""
        return (1, 1)

    def check(self) -> None:
        super().check()
        check_integers(self, "strides", 1, 2)
        check_integers(self, "padding", 0, 4)

    def padded(self, shape: Shape) -> Shape:
        """Give the shape of an input of ``shape`` (H, W, C) with the padding around it."""
        top, bottom, left, right = self.padding
        return (shape[0] + top + bottom, shape[1] + left + right, shape[2])

    def output_size(self, shape: Shape) -> tuple[int, int]:
        """Give output height and width for ``shape`` (H, W, C). Raises ModelFormatError if the window fits nowhere."""
        top, bottom, left, right = self.padding
        (kh, kw), (sh, sw), (dh, dw) = self.window(), self.strides, self.spacing()
        height = window_output(shape[0], top, bottom, kh, sh, dh)
        width = window_output(shape[1], left, right, kw, sw, dw)
        if height < 1 or width < 1:
            raise node_error(self.name, f"an output of at least one pixel from input {shape}", (height, width))
        return height, width
