"""The graph of a network: its input, its nodes in execution order, labels and preprocessing, and their rules.

Shapes are ``(H, W, C)`` or ``(C,)``, as everywhere outside the engine. Tensors belong to nodes by name
(``<node>/<tensor>``). Breaking a rule raises :class:`ModelFormatError`. The meaning of every field is in
MODEL_FORMAT.md. All that a graph is made of can be imported from here: what ``node.py``, ``operations.py``,
``geometry.py`` and ``channelwise.py`` have, the names of the activations, ``Preprocessing`` and ``Resize``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from . import channelwise, geometry, operations, preprocessing
from . import node as nodes
from .activations import ACTIVATIONS as ACTIVATIONS
from .channelwise import *  # noqa: F403
from .geometry import *  # noqa: F403
from .node import *  # noqa: F403  (each name is listed once, where it is defined)
from .node import MAX_ELEMENTS, Node, Record, Shape, TensorSpec, elements, format_error, is_size, node_error
from .operations import *  # noqa: F403
from .preprocessing import *  # noqa: F403
from .preprocessing import Preprocessing

__all__ = ["ACTIVATIONS", "MAX_BYTES", "Graph", "Input"]
__all__ += nodes.__all__
__all__ += operations.__all__
__all__ += geometry.__all__
__all__ += channelwise.__all__
__all__ += preprocessing.__all__

MAX_BYTES = 4 * 2**30  # of activations, unless the caller says otherwise


@dataclass(frozen=True, eq=False, repr=False)
class Input(Record):
    """The graph's input: its name and (H, W, C)."""

    name: str
    shape: Shape

    def check(self) -> None:
        """Check that there are three sizes of at least 1, and not too many values. Raises ModelFormatError."""
        shape = self.shape
        if not isinstance(shape, tuple) or len(shape) != 3 or not all(map(is_size, shape)):
            raise format_error("input", f"shape to be 3 integers (H, W, C) from 1 to {MAX_ELEMENTS}", shape)
        if elements(shape) > MAX_ELEMENTS:
            raise format_error("input", f"at most {MAX_ELEMENTS} values", shape)


@dataclass(frozen=True, eq=False, repr=False)
class Graph(Record):
    """A whole network: nodes in execution order, the name of the one that is the result, and how to feed it.

    Unchecked until :meth:`check` is called; ``graph["conv1"]`` is the node of that name.
    """

    name: str
    input: Input
    output: str
    nodes: tuple[Node, ...]
    labels: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None

    def __getitem__(self, name: str) -> Node:
        """Give the node of that name. Raises KeyError."""
        return self.by_name[name]

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """Every node by its name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Shape of the input and of every node's result, by name. Raises ModelFormatError where they do not fit."""
        shapes = {self.input.name: self.input.shape}
        for node in self.nodes:
            shape = node.output_shape(*(shapes[name] for name in node.inputs))
            if elements(shape) > MAX_ELEMENTS:
                raise node_error(node.name, f"an output of at most {MAX_ELEMENTS} values", shape)
            shapes[node.name] = shape
        return shapes

    @property
    def output_shape(self) -> Shape:
        """Shape of the network's result. Raises ModelFormatError as :attr:`shapes` does."""
        return self.shapes[self.output]

    def tensor_specs(self, node: Node) -> dict[str, TensorSpec]:
        """Give what ``node`` expects of its tensors, as its inputs have the shapes of this graph."""
        return node.tensor_specs(*(self.shapes[name] for name in node.inputs))

    def check(self) -> None:
        """Check every rule that needs no tensor. Raises ModelFormatError.

        Fields must have the types they are annotated with, or numbers and tuples of other types where numbers and
        tuples are due.
        """
        self.input.check()
        self._check_names()
        for node in self.nodes:
            node.check()
        channels = self.output_shape[-1]
        if self.labels is not None and len(self.labels) != channels:
            raise format_error("labels", f"{channels} of them, one a channel of the output", len(self.labels))
        if self.preprocessing is not None:
            self.preprocessing.check(self.input.shape)

    def _check_names(self) -> None:
        made = {self.input.name}
        for node in self.nodes:
            for name in node.inputs:
                if name not in made:
                    raise node_error(node.name, "inputs to name the graph's input or earlier nodes", name)
            if node.name in made:
                raise node_error(node.name, "a name that nothing before it has", node.name)
            made.add(node.name)
        if self.output not in made or self.output == self.input.name:
            raise format_error("output", "the name of a node", self.output)
