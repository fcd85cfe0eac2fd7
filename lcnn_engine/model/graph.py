"""The graph of a network: its input, its nodes in execution order, labels and preprocessing, and their rules.

Shapes are ``(H, W, C)`` or ``(C,)``, as everywhere outside the engine. Tensors belong to nodes by name
(``<node>/<tensor>``). Breaking a rule raises :class:`ModelFormatError`. The meaning of every field is in
MODEL_FORMAT.md; the operations, which can be imported from here too, are in ``operations.py`` and ``nodes.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..errors import ModelFormatError
from ..utils.messages import shown
from .node import (
    ACTIVATIONS,
    MAX_ELEMENTS,
    MAX_FLOAT,
    Activated,
    Node,
    Shape,
    TensorSpec,
    Windowed,
    elements,
    is_finite,
    window_output,
)
from .operations import (
    LRN,
    NODE_TYPES,
    Activation,
    Add,
    AvgPool2D,
    BatchNorm,
    Concat,
    Conv2D,
    Convolution,
    Dense,
    DenseLike,
    Elementwise,
    Flatten,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalPool2D,
    LookupConv2D,
    LookupDense,
    MaxPool2D,
    Multiply,
    Pool2D,
    Softmax,
    ZeroPad2D,
)

__all__ = [
    "ACTIVATIONS", "LRN", "MAX_BYTES", "MAX_ELEMENTS", "MAX_FLOAT", "NODE_TYPES", "Activated", "Activation", "Add",
    "AvgPool2D", "BatchNorm", "Concat", "Conv2D", "Convolution", "Dense", "DenseLike", "Elementwise", "Flatten",
    "GlobalAvgPool2D", "GlobalMaxPool2D", "GlobalPool2D", "Graph", "Input", "LookupConv2D", "LookupDense", "MaxPool2D",
    "Multiply", "Node", "Pool2D", "Preprocessing", "Resize", "Shape", "Softmax", "TensorSpec", "Windowed", "ZeroPad2D",
    "elements", "window_output",
]  # fmt: skip

MAX_BYTES = 4 * 2**30  # of activations, unless the caller says otherwise

MODES = {"L": 1, "RGB": 3}  # mode of a picture -> its channels
POLICIES = ("exact", "shortest_edge")
RESAMPLES = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
TINY = 2.0**-150  # float32 rounds this and all below to 0, ties to even


def _fail(where: str, expected: str, found: object) -> ModelFormatError:
    return ModelFormatError(f"{where}: expected {expected}, found {shown(found)}")


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_ELEMENTS


@dataclass(frozen=True)
class Input:
    """The graph's input: its name and (H, W, C)."""

    name: str
    shape: Shape

    def check(self) -> None:
        """Raises ModelFormatError unless there are three sizes of at least 1."""
        shape = self.shape
        if not isinstance(shape, tuple) or len(shape) != 3 or not all(map(_is_size, shape)):
            raise _fail("input", f"shape to be 3 integers (H, W, C) from 1 to {MAX_ELEMENTS}", shape)
        if elements(shape) > MAX_ELEMENTS:
            raise _fail("input", f"at most {MAX_ELEMENTS} values", shape)


@dataclass(frozen=True)
class Resize:
    """``policy`` "exact" with ``size`` (height, width), or "shortest_edge" with ``size`` n."""

    policy: str
    size: tuple[int, int] | int
    resample: str

    def check(self) -> None:
        """Check the fields alone. Raises ModelFormatError."""
        where = "preprocessing: resize"
        if self.policy not in POLICIES:
            raise _fail(where, f"policy to be one of {', '.join(POLICIES)}", self.policy)
        if self.resample not in RESAMPLES:
            raise _fail(where, f"resample to be one of {', '.join(RESAMPLES)}", self.resample)
        if self.policy == "shortest_edge":
            if not _is_size(self.size):
                raise _fail(where, f"size of shortest_edge to be an integer from 1 to {MAX_ELEMENTS}", self.size)
        elif not isinstance(self.size, tuple) or len(self.size) != 2 or not all(map(_is_size, self.size)):
            raise _fail(where, f"size of exact to be 2 integers from 1 to {MAX_ELEMENTS}", self.size)

    @property
    def smallest(self) -> tuple[int, int]:
        """The smallest height and the smallest width that a resized picture can have."""
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the input: see MODEL_FORMAT.md for the order of the steps."""

    mode: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float = 1.0
    resize: Resize | None = None
    crop: str | None = None

    def check(self, shape: Shape) -> None:
        """Check the fields, and that pictures can become inputs of ``shape`` (H, W, C). Raises ModelFormatError."""
        where = "preprocessing"
        if not isinstance(self.mode, str) or self.mode not in MODES:
            raise _fail(where, f"mode to be one of {', '.join(MODES)}", self.mode)
        if MODES[self.mode] != shape[2]:
            raise _fail(where, f"a mode with the {shape[2]} channels of the input", self.mode)
        for field in ("mean", "std"):
            numbers = getattr(self, field)
            if not isinstance(numbers, tuple) or len(numbers) != shape[2] or not all(map(is_finite, numbers)):
                raise _fail(where, f"{field} to be {shape[2]} finite numbers, one a channel", numbers)
        if any(abs(number) <= TINY for number in self.std):
            raise _fail(where, "std to be other than 0", self.std)
        if not is_finite(self.scale):
            raise _fail(where, "scale to be a finite number", self.scale)
        if self.crop not in (None, "center"):
            raise _fail(where, "crop to be 'center' or absent", self.crop)
        if self.resize is not None:
            self.resize.check()
            self._check_fit(self.resize, shape)

    def _check_fit(self, resize: Resize, shape: Shape) -> None:
        height, width = resize.smallest
        where = f"preprocessing: resize by {resize.policy}"
        if height * width * shape[2] > MAX_ELEMENTS:
            raise _fail(where, f"a resized picture of at most {MAX_ELEMENTS} values", resize.size)
        if self.crop is not None:
            if height < shape[0] or width < shape[1]:
                raise _fail(where, f"a resized picture no smaller than the crop, {shape[:2]}", resize.size)
        elif resize.policy == "shortest_edge":
            if resize.size != min(shape[:2]):
                raise _fail(where, f"size {min(shape[:2])}, that of the input, as there is no crop", resize.size)
        elif resize.size != shape[:2]:
            raise _fail(where, f"size {shape[:2]}, that of the input, as there is no crop", resize.size)


@dataclass(frozen=True)
class Graph:
    """A whole network: nodes in execution order, the name of the one that is the result, and how to feed it."""

    name: str
    input: Input
    output: str
    nodes: tuple[Node, ...]
    labels: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None

    def __getitem__(self, name: str) -> Node:
        """The node of that name. Raises KeyError."""
        return self.by_name[name]

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Shape of the input and of every node's result. Raises ModelFormatError where shapes do not fit."""
        shapes = {self.input.name: self.input.shape}
        for node in self.nodes:
            shape = node.output_shape(*(shapes[name] for name in node.inputs))
            if elements(shape) > MAX_ELEMENTS:
                raise _fail(f"node {shown(node.name)}", f"an output of at most {MAX_ELEMENTS} values", shape)
            shapes[node.name] = shape
        return shapes

    @property
    def output_shape(self) -> Shape:
        return self.shapes[self.output]

    def tensor_specs(self, node: Node) -> dict[str, TensorSpec]:
        """Tensors of ``node``, given the shapes of its inputs in this graph."""
        return node.tensor_specs(*(self.shapes[name] for name in node.inputs))

    def check(self) -> None:
        """Every rule that needs no tensor. Fields must have the types they are annotated with, or numbers and tuples
        of other types where numbers and tuples are due. Raises ModelFormatError."""
        self.input.check()
        self._check_names()
        for node in self.nodes:
            node.check()
        channels = self.output_shape[-1]
        if self.labels is not None and len(self.labels) != channels:
            raise _fail("labels", f"{channels} of them, one a channel of the output", len(self.labels))
        if self.preprocessing is not None:
            self.preprocessing.check(self.input.shape)

    def _check_names(self) -> None:
        made = {self.input.name}
        for node in self.nodes:
            for name in node.inputs:
                if name not in made:
                    raise _fail(f"node {shown(node.name)}", "inputs to name the graph's input or earlier nodes", name)
            if node.name in made:
                raise _fail(f"node {shown(node.name)}", "a name that nothing before it has", node.name)
            made.add(node.name)
        if self.output not in made or self.output == self.input.name:
            raise _fail("output", "the name of a node", self.output)
