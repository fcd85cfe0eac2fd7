"""The operations: one frozen dataclass each, with its attributes, shapes and rules. A class without attributes of its
own has its parent's methods: to make each its own would take half of the time that importing the engine takes.

Shapes are ``(H, W, C)`` or ``(C,)``, as everywhere outside the engine. Tensors belong to nodes by name
(``<node>/<tensor>``); a node states what tensors it needs in :meth:`Node.tensor_specs`. Breaking a rule raises
:class:`ModelFormatError`. The meaning of every attribute is in MODEL_FORMAT.md.

Legend, the letters of the LCNN paper: n filters, m input channels, k dictionary atoms, D the dictionary (k, m),
I the lookup indices, C their coefficients, S = D * X, P the sparse kernel that I and C spell out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

from .errors import ModelFormatError
from .wording import shown

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


def _fail(name: str, expected: str, found: object) -> ModelFormatError:
    return ModelFormatError(f"node {shown(name)}: expected {expected}, found {shown(found)}")


def elements(shape: Sequence[int]) -> int:
    """Number of values in an array of this shape."""
    return math.prod(shape)


def _at_least(node: Node, attribute: str, low: int, length: int | None = None) -> None:
    """``attribute`` is an int, or a tuple of ``length`` ints, each of at least ``low``."""
    value = getattr(node, attribute)
    kind = "an integer" if length is None else f"{length} integers"
    numbers = (value,) if length is None else value
    if length is not None and (not isinstance(value, tuple) or len(value) != length):
        raise _fail(node.name, f"{attribute} to be {kind}", value)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= MAX_ELEMENTS:
            raise _fail(node.name, f"{attribute} to be {kind} from {low} to {MAX_ELEMENTS}", value)


def is_finite(value: object) -> bool:
    """Whether ``value`` is a number (no bool) that float32 can hold."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -MAX_FLOAT <= value <= MAX_FLOAT


def _finite(node: Node, attribute: str) -> None:
    value = getattr(node, attribute)
    if not is_finite(value):
        raise _fail(node.name, f"{attribute} to be a finite number", value)


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
            raise _fail(self.name, "two or more inputs" if self.many else "one input", list(self.inputs))

    def output_shape(self, *inputs: Shape) -> Shape:
        """Shape of the result for inputs of these shapes. Raises ModelFormatError where they do not fit."""
        for name, shape in zip(self.inputs, inputs, strict=True):
            if self.rank is not None and len(shape) != self.rank:
                wanted = "(H, W, C)" if self.rank == 3 else "(C,)"
                raise _fail(self.name, f"input {shown(name)} of shape {wanted}", shape)
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
            raise _fail(self.name, f"activation to be one of {', '.join(ACTIVATIONS)}", self.activation)
        if self.activation == "leaky_relu":
            _finite(self, "alpha")
        elif self.alpha is not None:
            raise _fail(self.name, "alpha only with leaky_relu", self.alpha)


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
        _at_least(self, "strides", 1, 2)
        _at_least(self, "padding", 0, 4)

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
            raise _fail(self.name, f"an output of at least one pixel from input {shape}", (height, width))
        return height, width


@dataclass(frozen=True, kw_only=True)
class Convolution(Activated, Windowed):
    """What dense and lookup convolutions share."""

    filters: int
    kernel_size: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)

    def window(self) -> tuple[int, int]:
        return self.kernel_size

    def spacing(self) -> tuple[int, int]:
        return self.dilation

    def check(self) -> None:
        super().check()
        _at_least(self, "filters", 1)
        _at_least(self, "kernel_size", 1, 2)
        _at_least(self, "dilation", 1, 2)

    def _shape(self, *inputs: Shape) -> Shape:
        return (*self.places(inputs[0]), self.filters)


def _lookup_specs(filters: int, channels: int) -> dict[str, TensorSpec]:
    return {
        "dictionary": TensorSpec("F32", ("k", channels), optional=True),
        "indptr": TensorSpec("I32", (filters + 1,)),
        "indices": TensorSpec("I32", ("nnz",)),
        "coefficients": TensorSpec("F32", ("nnz",)),
        "bias": TensorSpec("F32", (filters,), optional=True),
    }


class LookupConv2D(Convolution):
    """S = D * X, then Y = act(bias + sum of C * shifted S): the paper's lookup convolution (section 3)."""

    op = "lookup_conv2d"

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        return _lookup_specs(self.filters, inputs[0][-1])


@dataclass(frozen=True, kw_only=True)
class Conv2D(Convolution):
    """A dense convolution, in ``groups``."""

    op = "conv2d"
    groups: int = 1

    def check(self) -> None:
        super().check()
        _at_least(self, "groups", 1)
        if self.filters % self.groups:
            raise _fail(self.name, f"filters {self.filters} to be a multiple of groups", self.groups)

    def _shape(self, *inputs: Shape) -> Shape:
        if inputs[0][-1] % self.groups:
            raise _fail(self.name, f"input channels {inputs[0][-1]} to be a multiple of groups", self.groups)
        return super()._shape(*inputs)

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        kernel = (self.filters, inputs[0][-1] // self.groups, *self.kernel_size)
        return {"kernel": TensorSpec("F32", kernel), "bias": TensorSpec("F32", (self.filters,), optional=True)}


@dataclass(frozen=True, kw_only=True)
class DenseLike(Activated):
    """What dense and lookup layers on vectors share."""

    rank = 1
    units: int

    def check(self) -> None:
        super().check()
        _at_least(self, "units", 1)

    def _shape(self, *inputs: Shape) -> Shape:
        return (self.units,)


class LookupDense(DenseLike):
    """A lookup convolution on one pixel: S = D @ x, Y = act(bias + P @ S)."""

    op = "lookup_dense"

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        return _lookup_specs(self.units, inputs[0][0])


class Dense(DenseLike):
    op = "dense"

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        bias = TensorSpec("F32", (self.units,), optional=True)
        return {"kernel": TensorSpec("F32", (self.units, inputs[0][0])), "bias": bias}


@dataclass(frozen=True, kw_only=True)
class Pool2D(Windowed):
    """A pool of pool_size, per channel."""

    pool_size: tuple[int, int]

    def window(self) -> tuple[int, int]:
        return self.pool_size

    def check(self) -> None:
        super().check()
        _at_least(self, "pool_size", 1, 2)
        top, bottom, left, right = self.padding
        if max(top, bottom) >= self.pool_size[0] or max(left, right) >= self.pool_size[1]:
            raise _fail(self.name, f"padding smaller than pool_size {list(self.pool_size)}", list(self.padding))

    def _shape(self, *inputs: Shape) -> Shape:
        return (*self.places(inputs[0]), inputs[0][-1])


class MaxPool2D(Pool2D):
    op = "max_pool2d"


class AvgPool2D(Pool2D):
    op = "avg_pool2d"


@dataclass(frozen=True, kw_only=True)
class ZeroPad2D(Node):
    """Zeros around the picture."""

    op = "zero_pad2d"
    rank = 3
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def check(self) -> None:
        super().check()
        _at_least(self, "padding", 0, 4)

    def _shape(self, *inputs: Shape) -> Shape:
        (height, width, channels), (top, bottom, left, right) = inputs[0], self.padding
        return (height + top + bottom, width + left + right, channels)


class GlobalPool2D(Node):
    rank = 3

    def _shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][-1],)


class GlobalAvgPool2D(GlobalPool2D):
    op = "global_avg_pool2d"


class GlobalMaxPool2D(GlobalPool2D):
    op = "global_max_pool2d"


class Flatten(Node):
    """C order of H, W, C."""

    op = "flatten"
    rank = 3

    def _shape(self, *inputs: Shape) -> Shape:
        return (elements(inputs[0]),)


class Softmax(Node):
    """Over the last axis."""

    op = "softmax"


class Activation(Activated):
    op = "activation"


class Elementwise(Activated):
    """Inputs of one shape, or some of them (1, 1, C) or (C,), repeated over the picture."""

    many = True

    def _shape(self, *inputs: Shape) -> Shape:
        full = max(inputs, key=lambda shape: (len(shape), elements(shape)))
        for name, shape in zip(self.inputs, inputs, strict=True):
            if shape not in (full, (1, 1, full[-1]), (full[-1],)):
                fitting = f"{full}, (1, 1, {full[-1]}) or ({full[-1]},)"
                raise _fail(self.name, f"input {shown(name)} of shape {fitting}", shape)
        return full


class Add(Elementwise):
    op = "add"


class Multiply(Elementwise):
    op = "multiply"


class Concat(Node):
    """Along the channels."""

    op = "concat"
    many = True

    def _shape(self, *inputs: Shape) -> Shape:
        for name, shape in zip(self.inputs, inputs, strict=True):
            if shape[:-1] != inputs[0][:-1]:
                raise _fail(self.name, f"input {shown(name)} to fit {inputs[0]} but for its channels", shape)
        return (*inputs[0][:-1], sum(shape[-1] for shape in inputs))


class BatchNorm(Node):
    """y = x * scale + shift, per channel."""

    op = "batch_norm"

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        channels = (inputs[0][-1],)
        return {"scale": TensorSpec("F32", channels), "shift": TensorSpec("F32", channels)}


@dataclass(frozen=True, kw_only=True)
class LRN(Node):
    """Local response normalization: y = x / (bias + alpha * sum of x^2 over 2*depth_radius+1 channels)^beta."""

    op = "lrn"
    rank = 3
    depth_radius: int
    bias: float
    alpha: float
    beta: float

    def check(self) -> None:
        super().check()
        _at_least(self, "depth_radius", 0)
        for attribute in ("bias", "alpha", "beta"):
            _finite(self, attribute)


NODE_TYPES: dict[str, type[Node]] = {
    cls.op: cls
    for cls in (
        LookupConv2D, LookupDense, Conv2D, Dense, MaxPool2D, AvgPool2D, ZeroPad2D, GlobalAvgPool2D, GlobalMaxPool2D,
        Flatten, Softmax, Activation, Add, Multiply, Concat, BatchNorm, LRN,
    )
}  # fmt: skip
