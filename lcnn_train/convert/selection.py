"""Which layers of a Keras model become lookup layers, and why the others do not."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import keras
from keras import layers

from lcnn_engine.utils.moved import former_names
from lcnn_train.keras_graph.copying import config_of
from lcnn_train.keras_graph.graph import functional_graph, walk
from lcnn_train.layers import sparsity
from lcnn_train.layers.arguments import one_of
from lcnn_train.layers.lookup import LookupConv2D, LookupDense

LEAVE = "dense"  # what `dictionary` may say of a layer that is to stay as it is

_POINTWISE = (
    "name", "filters", "data_format", "activation", "use_bias", "bias_initializer", "bias_regularizer",
    "bias_constraint", "activity_regularizer", "trainable", "dtype",
)  # fmt: skip
Dictionary = int | str | None | Mapping[str, Any] | Callable[[keras.layers.Layer], Any]
Skip = str | Collection[str] | Callable[[keras.layers.Layer], bool]


@dataclass(frozen=True)
class Choice:
    """What a layer becomes. `arguments` are those of its lookup layer, None where it stays; `why` says why it does.

    With arguments, `why` is a remark about them, or empty.
    """

    layer: keras.layers.Layer
    arguments: dict[str, Any] | None
    why: str = ""


@dataclass(frozen=True)
class ConversionOptions:
    """What the caller of lookup_model asks for."""

    dictionary: Dictionary
    skip: Skip
    arguments: Mapping[str, Any]  # l1, threshold, lookups_per_tap and so on: a value, or a dict by layer name

    def check_names(self, layers: Collection[str], with_kernels: Collection[str]) -> None:
        """Raise ValueError for a name that no layer has, or, but in `skip`, no layer with a kernel."""
        if not callable(self.skip):
            _check_names("skip", [self.skip] if isinstance(self.skip, str) else self.skip, layers)
        for argument, option in ("dictionary", self.dictionary), *self.arguments.items():
            if isinstance(option, Mapping):
                _check_names(argument, option, with_kernels)

    def skips(self, layer: keras.layers.Layer) -> bool:
        if callable(self.skip):
            return bool(self.skip(layer))
        return layer.name == self.skip if isinstance(self.skip, str) else layer.name in self.skip

    def names(self, layer: keras.layers.Layer) -> bool:
        """Tell whether `dictionary` has this very layer in it."""
        return isinstance(self.dictionary, Mapping) and layer.name in self.dictionary

    def rows(self, layer: keras.layers.Layer) -> Any:
        """Return k, None for no dictionary, or LEAVE. Raises ValueError for anything else."""
        option: Any = self.dictionary
        if isinstance(option, Mapping):
            option = option.get(layer.name, LEAVE)
        elif callable(option):
            option = option(layer)
        if option is None or (isinstance(option, str) and option == LEAVE):
            return option
        if isinstance(option, bool) or not hasattr(option, "__index__") or option.__index__() < 1:
            raise ValueError(
                f"layer {layer.name}: dictionary must be an integer of at least 1, None for no dictionary, or "
                f'"{LEAVE}" for a layer that stays as it is. Received: {option!r}'
            )
        return option.__index__()

    def arguments_of(self, layer: keras.layers.Layer) -> dict[str, Any]:
        """Collect the layer's own arguments; where a dict does not name it, those that a lookup layer has by itself."""
        found = {}
        for name, option in self.arguments.items():
            if not isinstance(option, Mapping):
                found[name] = option
            elif layer.name in option:
                found[name] = option[layer.name]
        return found


def choose(model: keras.Model, options: ConversionOptions) -> list[Choice]:
    """Choose for every layer with a kernel, in execution order. Raises ValueError for a name that no layer has."""
    found, classifiers = _layers(model)
    with_kernels = [layer for layer in found if _has_kernel(layer)]
    options.check_names({layer.name for layer in found}, {layer.name for layer in with_kernels})
    return [_choose(layer, layer in classifiers, options) for layer in with_kernels]


def kernel_size(layer: keras.layers.Layer) -> tuple[int, ...]:
    """Return (kh, kw) of a convolution, () of a dense layer."""
    return tuple(layer.kernel.shape[:-2])


def pointwise(layer: layers.SeparableConv2D) -> layers.Conv2D:
    """Make the convolution that a separable one ends with: its pointwise half by the layer's name, with its weights."""
    config = config_of(layer)
    kept = {key: config[key] for key in _POINTWISE} | {
        f"kernel_{key}": config[f"pointwise_{key}"] for key in ("initializer", "regularizer", "constraint")
    }
    new = layers.Conv2D(kernel_size=1, **kept)
    channels = layer.pointwise_kernel.shape[-2]
    new.build((None, None, None, channels) if layer.data_format == "channels_last" else (None, channels, None, None))
    new.kernel.assign(layer.pointwise_kernel)
    if layer.bias is not None:
        new.bias.assign(layer.bias)
    return new


def _choose(layer: keras.layers.Layer, is_classifier: bool, options: ConversionOptions) -> Choice:
    if type(layer) is layers.SeparableConv2D and not (options.skips(layer) or _learns_its_activation(layer)):
        return replace(_choose(pointwise(layer), is_classifier, options), layer=layer)
    reason = _not_replaceable(layer)
    if options.skips(layer):
        reason = "named in skip" if not callable(options.skip) else "skip says so"
    elif reason is None and is_classifier and not options.names(layer):
        reason = "the classifier stays dense unless `dictionary` names it"
    if reason is not None:
        return Choice(layer, None, reason)
    rows = options.rows(layer)
    if isinstance(rows, str):
        named = isinstance(options.dictionary, Mapping) and not options.names(layer)
        return Choice(layer, None, "not in `dictionary`" if named else "`dictionary` says so")
    return _with_arguments(layer, rows, options.arguments_of(layer))


def _with_arguments(layer: keras.layers.Layer, rows: int | None, arguments: dict[str, Any]) -> Choice:
    m, n = layer.kernel.shape[-2:]
    remarks = []
    if rows is not None and m == 1 and rows > 1:
        remarks.append(f"k = 1 instead of {rows}: with one input channel all atoms are alike")
        rows = 1
    if rows is not None and not sparsity.dictionary_pays(rows, n, kernel_size(layer)):
        whole = n * math.prod(kernel_size(layer))
        return Choice(layer, None, f"k = {rows} is not below n*kh*kw = {whole}: a dictionary saves nothing")
    group = one_of("groups_of", arguments.get("groups_of", 1), sparsity.GROUPS_OF)
    if n % group:
        remarks.append(f"the last of its groups of {group} has {n % group} filters")
    remarks += [
        f"{name} is not carried over"
        for name in ("kernel_regularizer", "kernel_constraint")
        if getattr(layer, name) is not None
    ]
    return Choice(layer, {**arguments, "dictionary": rows}, "; ".join(remarks))


def _not_replaceable(layer: keras.layers.Layer) -> str | None:
    """Why a layer cannot become a lookup layer; None if it can."""
    if isinstance(layer, LookupConv2D | LookupDense):
        return "a lookup layer already"
    if type(layer) not in (layers.Conv2D, layers.Dense, layers.SeparableConv2D):
        if isinstance(layer, layers.Conv2D | layers.Dense):
            return f"{type(layer).__name__} may compute anything: only Conv2D and Dense themselves are replaced"
        return f"{type(layer).__name__} has no lookup form"
    if _learns_its_activation(layer):
        return "its activation has weights of its own; call it as a layer behind"
    if layer.quantization_mode:
        return f"quantized to {layer.quantization_mode}"
    if isinstance(layer, layers.Conv2D):
        if layer.groups > 1:
            return f"a convolution in {layer.groups} groups"
        if layer.data_format != "channels_last":
            return f'data_format="{layer.data_format}"; lookup layers are channels_last'
        if max(layer.strides) > 1 and max(layer.dilation_rate) > 1:
            return "strides above 1 and a dilation_rate above 1"
    return None


def _learns_its_activation(layer: Any) -> bool:
    """Whether a layer has an activation with weights; a PReLU gets them when it is first called."""
    own = layer.activation
    return isinstance(own, layers.PReLU) or (isinstance(own, layers.Layer) and bool(own.weights))


def _has_kernel(layer: keras.layers.Layer) -> bool:
    """Whether a layer multiplies by weights of its own: it, or one inside it, has any of two axes or more."""
    return isinstance(layer, LookupConv2D | LookupDense) or any(len(w.shape) > 1 for w in layer.weights)


def _layers(model: keras.Model) -> tuple[list[Any], set[Any]]:
    """All layers in execution order, each once, and the dense ones after which no weighted layer comes."""
    graph = functional_graph(model)
    values = {id(tensor): number for number, tensor in enumerate(graph.inputs)}
    before: dict[int, frozenset[Any]] = {number: frozenset() for number in values.values()}
    found: dict[Any, None] = {}
    for node, known in walk(graph, values, count(len(values))):
        layer = node.operation
        if isinstance(layer, keras.layers.Layer):
            found[layer] = None
            own = frozenset([layer]) if _has_kernel(layer) else None
        else:
            own = None
        last = own or frozenset().union(*(before[known[id(tensor)]] for tensor in node.arguments.keras_tensors))
        before |= {known[id(tensor)]: last for tensor in node.outputs}
    ends = frozenset().union(*(before[values[id(tensor)]] for tensor in graph.outputs))
    return list(found), {layer for layer in ends if isinstance(layer, layers.Dense)}


def _check_names(argument: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.0)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            kind = "layer" if argument == "skip" else "layer with a kernel"
            raise ValueError(f"{argument}: the model has no {kind} named {name!r}{meant}")


former_names(__name__, Wishes="ConversionOptions")
