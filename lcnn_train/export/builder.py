"""A traced Keras model on its way to a model file: the nodes made so far, who reads what, and what may be folded.

A node bears the name of its convolution or dense layer and holds the value after the last layer folded into it.
`converters.py` says what each kind of layer becomes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers
from keras.src.applications.convnext import StochasticDepth
from keras.src.ops import core as core_operations  # Keras has no public name for what keras.ops.cast makes

from lcnn_engine.utils.moved import former_names
from lcnn_train.errors import ExportError
from lcnn_train.keras_graph.graph import Call, Held, Trace
from lcnn_train.keras_graph.kinds import AUGMENTATION, COMBINING, is_augmentation, softmax_of
from lcnn_train.keras_graph.rewriting import rewritten_kinds

_NO_OPERATION = (
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.AlphaDropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.ActivityRegularization,
    layers.Identity,
    StochasticDepth,
)
_REMEDY = "Build the model of these, or say of which of these a layer is made: lcnn_train.export.register"
_SHOWN = 5  # names of layers of one kind in an error
Converters = Mapping[type, Callable[["GraphBuilder", Call], None]]


@dataclass
class NodeBuilder:
    """A node being made. `scale` is what batch norm multiplied each filter by, if any was folded in.

    `used` are the dictionary's rows that some lookup uses, the only ones that are written; `kernel` is the Keras
    variable from which the tensor of that name was made, `places` the place in it of each value of the tensor (-1: a
    zero) where these are others. `input_shape` is that of the first input. A `value` below 0 is one that Keras has not.
    """

    name: str
    op: str
    inputs: list[int]
    value: int
    layer: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    scale: np.ndarray | None = None
    kernel: Any = None
    places: np.ndarray | None = None
    input_shape: tuple[int, ...] = ()
    used: np.ndarray = field(default_factory=lambda: np.zeros(0, np.intp))


class GraphBuilder:
    """The nodes of a traced model, in execution order, and the layer's value that each of them holds."""

    def __init__(self, traced: Trace, converters: Converters):
        self.traced = traced
        self._converters = converters
        self.nodes: list[NodeBuilder] = []
        self.preprocessing: dict[str, Any] | None = None  # what the model's own head says of images
        self._aliases: dict[int, int] = {}
        self._producers: dict[int, NodeBuilder] = {}
        self._moved: dict[int, tuple[int, tuple[int, ...], np.ndarray]] = {}
        self._names = {traced.input_name}
        self._uses = self._count_uses()
        self._translate_all()
        self.output = self._resolve(traced.output)
        if self.output in self._moved:
            raise ExportError(
                f"expected a model that gives an image (H, W, C) or a vector, found {self._moved[self.output][2].shape}"
            )
        if self.output not in self._producers:
            raise ExportError("expected a model with at least one layer that computes, found none")

    def _resolve(self, value: int) -> int:
        return self._aliases.get(value, value)

    def _count_uses(self) -> Counter[int]:
        """How often each value is read, calls that compute nothing left out; the model's output counts as one."""
        uses: Counter[int] = Counter()
        for call in self.traced.calls:
            if self._passes_through(call):
                self._aliases[call.output] = self._resolve(call.inputs[0])
            else:
                uses.update(self._resolve(value) for value in call.inputs)
        uses[self._resolve(self.traced.output)] += 1
        return uses

    def _passes_through(self, call: Call) -> bool:
        layer = call.layer
        if is_augmentation(layer):
            return call.input_shapes == (call.output_shape,)
        if type(layer) is core_operations.Cast:  # a file's values are floats
            return bool(keras.backend.is_float_dtype(layer.dtype))
        if isinstance(layer, layers.Activation):
            return layer.activation is keras.activations.linear
        if isinstance(layer, layers.Flatten | layers.Reshape):
            if call.output_shape == (1, 1, *call.input_shapes[0]) and self._is_only_repeated(call):
                return True
            return len(call.input_shapes[0]) == 1 and call.input_shapes == (call.output_shape,)
        return isinstance(layer, _NO_OPERATION)

    def _is_only_repeated(self, call: Call) -> bool:
        """Whether only sums and products read an image (1, 1, C), which a vector serves as well."""
        readers = [reader for reader in self.traced.calls if call.output in reader.inputs]
        sums = (layers.Add, layers.Multiply, layers.Subtract, layers.Maximum, layers.Minimum, *COMBINING)
        fitting = all(type(reader.layer) in sums and len(reader.inputs) > 1 for reader in readers)
        larger = all(reader.output_shape[:-1] not in ((), (1, 1)) for reader in readers)
        return fitting and larger and call.output != self.traced.output

    def _translate_all(self) -> None:
        """Translate every call. Raises ExportError, naming all layers that a model file cannot hold."""
        missing: dict[str, dict[str, None]] = {}
        reasons: list[str] = []
        for call in self.traced.calls:
            if self._passes_through(call) or (call.piece is not None and not self._uses[call.output]):
                continue
            try:
                if not self._translate(call):
                    missing.setdefault(type(call.layer).__name__, {})[call.layer.name] = None
            except ExportError as error:
                reasons.append(str(error))
        for kind, names in missing.items():
            layer = "layer" if len(names) == 1 else f"{len(names)} layers"
            reasons.append(f"{layer} {shortened(names)}: a model file has no operation for {kind}")
        if missing:
            reasons.append(f"Supported: {self._supported()}. {_REMEDY}")
        if reasons:
            raise ExportError(("; " if len(missing) == 0 else ". ").join(dict.fromkeys(reasons)))

    def _translate(self, call: Call) -> bool:
        """Make what a call becomes; False where there is nothing for its kind."""
        if call.part == "activation":
            self.add(call, softmax_of(call.layer.activation) or "softmax")
            return True
        if is_augmentation(call.layer):
            raise ExportError(
                f"layer {call.layer.name}: expected augmentation that keeps the size, as it does nothing outside of "
                f"training; found {call.input_shapes[0]} made into {call.output_shape}; crop before the model"
            )
        # A subclass may compute anything, so only the very classes of Keras are taken for what they are.
        translate = self._converters.get(type(call.layer))
        if translate is not None:
            translate(self, call)
        return translate is not None

    def _supported(self) -> str:
        kinds = {*self._converters, *rewritten_kinds(), *_NO_OPERATION, *AUGMENTATION} - {Held}
        return ", ".join(sorted({cls.__name__ for cls in kinds}))

    def read_only_by(self, call: Call) -> NodeBuilder | None:
        """Find the node before this call, if nobody else reads its value."""
        value = self._resolve(call.inputs[0])
        return self._producers.get(value) if self._uses[value] == 1 else None

    def add(self, call: Call, op: str, **attributes: Any) -> NodeBuilder:
        """Append a node for a call. Raises ExportError for an input that is neither image nor vector."""
        inputs = [self.value(call, number) for number in range(len(call.inputs))]
        node = NodeBuilder(self._unique(_node_name(call)), op, inputs, call.output, call.layer, attributes)
        node.input_shape = call.input_shapes[0] if call.inputs else ()
        self.nodes.append(node)
        self._producers[call.output] = node
        return node

    def value(self, call: Call, number: int = 0) -> int:
        """Find the value that an input of a call is. Raises ExportError where that is neither image nor vector."""
        value = self._resolve(call.inputs[number])
        if value in self._moved:
            raise ExportError(
                f"layer {call.layer.name}: expected an image (H, W, C) or a vector, found shape "
                f"{self._moved[value][2].shape}"
            )
        return value

    def add_from(self, call: Call, value: int, op: str, suffix: str = "", **attributes: Any) -> NodeBuilder:
        """Append a node on `value` for a call; with a suffix one on the way to it, which holds nothing of Keras'."""
        name = self._unique(_node_name(call) + suffix)
        number = -1 - len(self.nodes) if suffix else call.output
        node = NodeBuilder(name, op, [value], number, call.layer, attributes)
        node.input_shape = call.input_shapes[0]
        self.nodes.append(node)
        self._producers[number] = node
        return node

    def moved(self, call: Call, number: int = 0) -> tuple[int, tuple[int, ...], np.ndarray]:
        """Find what a call that moves values reads: a value, its shape, and the places in it of what is moved."""
        value, shape = self._resolve(call.inputs[number]), call.input_shapes[number]
        return self._moved.get(value) or (value, shape, np.arange(int(np.prod(shape))).reshape(shape))

    def keep(self, call: Call, value: int, shape: tuple[int, ...], places: np.ndarray) -> None:
        """Let a call be those places of a value, for calls that move them on: it is neither image nor vector."""
        self._moved[call.output] = (value, shape, places)

    def alias(self, call: Call, value: int) -> None:
        """Let a call be what `value` is."""
        self._aliases[call.output] = value
        self._uses[value] += self._uses[call.output] - 1

    def fold(self, call: Call, node: NodeBuilder) -> None:
        """Let a node hold the value of this call, which is part of it from now on."""
        node.value = call.output
        self._producers[call.output] = node
        if call.name and call.name == node.layer.name:  # what a layer's own activation is made of: no node between
            self._names.remove(node.name)
            node.name = self._unique(call.name)

    def take_padding(self, node: NodeBuilder) -> tuple[int, ...]:
        """Take the zeros of a zero_pad2d node that only `node`, the last one, reads; the zero_pad2d goes."""
        value = node.inputs[0]
        before = self._producers.get(value)
        if before is None or before.op != "zero_pad2d" or self._uses[value] != 1:
            return 0, 0, 0, 0
        self.nodes.remove(before)
        self._names.remove(before.name)
        node.inputs = list(before.inputs)
        return before.attributes["padding"]

    def _unique(self, name: str) -> str:
        """`name`, or with a number if a shared layer or a model inside has taken it."""
        number, unique = 2, name
        while unique in self._names:
            number, unique = number + 1, f"{name}_{number}"
        self._names.add(unique)
        return unique

    def graph(self) -> dict[str, Any]:
        """Make the file's `input`, `output` and `nodes`."""
        names = {node.value: node.name for node in self.nodes} | {self.traced.input: self.traced.input_name}
        return {
            "input": {"name": self.traced.input_name, "shape": list(self.traced.input_shape)},
            "output": names[self.output],
            "nodes": [
                {"name": node.name, "op": node.op, "inputs": [names[value] for value in node.inputs]}
                | {key: list(value) if isinstance(value, tuple) else value for key, value in node.attributes.items()}
                for node in self.nodes
            ],
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """Collect the file's tensors, float32 and int32, by `<node>/<tensor>`."""
        return {f"{node.name}/{key}": tensor for node in self.nodes for key, tensor in node.tensors.items()}


def shortened(names: Iterable[str]) -> str:
    """List names, the first few where there are many."""
    found = list(names)
    return ", ".join(found[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")


def _node_name(call: Call) -> str:
    """The layer's name, for the node that holds what the layer gives; what lies before it inside has a suffix."""
    suffix = {"linear": "_logits", "pointwise_linear": "_logits", "depthwise": "_depthwise"}.get(call.part, "")
    return (call.name or call.layer.name) + suffix


former_names(__name__, Node="NodeBuilder", Translation="GraphBuilder", Translators="Converters")
