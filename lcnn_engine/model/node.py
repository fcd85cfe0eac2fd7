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

Shape = tuple[int, ...]
ACTIVATIONS = ("linear", "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "hard_sigmoid", "hard_silu")
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


def fail(name: str, expected: str, found: object) -> ModelFormatError:
    """The error of the node of that name, to be raised."""
    return ModelFormatError(f"node {shown(name)}: expected {expected}, found {shown(found)}")


def elements(shape: Sequence[int]) -> int:
    """Number of values in an array of this shape."""
    return math.prod(shape)


def check_integers(node: Node, attribute: str, low: int, length: int | None = None) -> None:
    """Raises ModelFormatError unless ``attribute`` is an int, or ``length`` of them in a tuple, of at least ``low``."""
    value = getattr(node, attribute)
    kind = "an integer" if length is None else f"{length} integers"
    numbers = (value,) if length is None else value
    if length is not None and (not isinstance(value, tuple) or len(value) != length):
        raise fail(node.name, f"{attribute} to be {kind}", value)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= MAX_ELEMENTS:
            raise fail(node.name, f"{attribute} to be {kind} from {low} to {MAX_ELEMENTS}", value)


def is_finite(value: object) -> bool:
    """Whether ``value`` is a number (no bool) that float32 can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -MAX_FLOAT <= value <= MAX_FLOAT


def check_finite(node: Node, attribute: str) -> None:
    """Raises ModelFormatError unless ``attribute`` is a number that float32 can hold."""
    value = getattr(node, attribute)
    if not is_finite(value):
        raise fail(node.name, f"{attribute} to be a finite number", value)


def window_output(size: int, before: int, after: int, window: int, stride: int, dilation: int = 1) -> int:
    """Number of places a window of ``window`` taps takes along one axis (below 1: none fits)."""
    return (size + before + after - ((window - 1) * dilation + 1)) // stride + 1


@dataclass(frozen=True, kw_only=True)
class Node:
    """One step of a network. ``inputs`` name the graph's input or earlier nodes."""

    name: str
    inputs: tuple[str, ...]
    op: ClassVar[str]
    rank: ClassVar[int | None] = None  # required rank of every input; None: any
    many: ClassVar[bool] = False  # two or more inputs instead of one

    def check(self) -> None:
        """Check the attributes alone, without shapes. Raises ModelFormatError."""
        if len(self.inputs) < 2 if self.many else len(self.inputs) != 1:
            raise fail(self.name, "two or more inputs" if self.many else "one input", list(self.inputs))

    def output_shape(self, *inputs: Shape) -> Shape:
        """Shape of the result for inputs of these shapes. Raises ModelFormatError where they do not fit."""
        for name, shape in zip(self.inputs, inputs, strict=True):
            if self.rank is not None and len(shape) != self.rank:
                wanted = "(H, W, C)" if self.rank == 3 else "(C,)"
                raise fail(self.name, f"input {shown(name)} of shape {wanted}", shape)
        return self._shape(*inputs)

    def _shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        """The tensors that belong to this node, by their name after the slash."""
        return {}

    def attributes(self) -> dict[str, Any]:
        """All attributes but name and inputs, in the order of the format page."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("name", "inputs")}


@dataclass(frozen=True, kw_only=True)
class Activated(Node):
    """A node whose result goes through an activation function. ``alpha`` is leaky_relu's slope, else None."""

    activation: str = "linear"
    alpha: float | None = None

    def check(self) -> None:
        super().check()
        if self.activation not in ACTIVATIONS:
            raise fail(self.name, f"activation to be one of {', '.join(ACTIVATIONS)}", self.activation)
        if self.activation == "leaky_relu":
            check_finite(self, "alpha")
        elif self.alpha is not None:
            raise fail(self.name, "alpha only with leaky_relu", self.alpha)


@dataclass(frozen=True, kw_only=True)
class Windowed(Node):
    """A window that slides over (H, W): convolutions and pools."""

    rank = 3
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def window(self) -> tuple[int, int]:
        """Height and width of the window."""
        raise TypeError(f"{type(self).__name__} has no window")

    def spacing(self) -> tuple[int, int]:
        """Distance between neighbouring taps."""
        return (1, 1)

    def check(self) -> None:
        super().check()
        check_integers(self, "strides", 1, 2)
        check_integers(self, "padding", 0, 4)

    def padded(self, shape: Shape) -> Shape:
        """Shape of an input of shape (H, W, C) with the padding around it."""
        top, bottom, left, right = self.padding
        return (shape[0] + top + bottom, shape[1] + left + right, shape[2])

    def places(self, shape: Shape) -> tuple[int, int]:
        """Output height and width. Raises ModelFormatError where the window fits nowhere."""
        top, bottom, left, right = self.padding
        (kh, kw), (sh, sw), (dh, dw) = self.window(), self.strides, self.spacing()
        height = window_output(shape[0], top, bottom, kh, sh, dh)
        width = window_output(shape[1], left, right, kw, sw, dw)
        if height < 1 or width < 1:
            raise fail(self.name, f"an output of at least one pixel from input {shape}", (height, width))
        return height, width
