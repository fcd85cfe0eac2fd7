"""What a Keras network costs by the paper's counting rule: of a trained model, or of one that was never trained.

The rule itself is the engine's (lcnn_engine/analysis/cost.py); here each layer is read off as what the rule asks for. A
layer's bytes are those of a float32 model file in which no atom is left out, and batch norm is counted where export
folds it: as the bias of the layer before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
from keras import layers

from lcnn_engine.analysis.cost import NodeCost, Size, lookup_cost, plain_cost
from lcnn_train.errors import ExportError
from lcnn_train.export.converters import traced
from lcnn_train.keras_graph.graph import Call
from lcnn_train.layers import sparsity
from lcnn_train.layers.lookup import LookupConv2D, LookupDense

PAPER_DENSE = 1_135_256_096  # of the LCNN paper's dense AlexNet, from which it counts its speed-ups
_FLOAT = _INDEX = 4  # bytes


def without_values(build: Callable[[], keras.Model]) -> keras.Model:
    """Build a model whose weights have shapes and take no memory: enough to count a network, in no time.

    Keras would give such weights their values later, when it next leaves a scope like this one; its list of them is
    kept a thread, so a thread of their own takes the list with it.
    """

    def build_in_scope() -> keras.Model:
        with keras.StatelessScope(initialize_variables=False):
            return build()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(build_in_scope).result()


_BY_CHANNEL = {
    layers.LayerNormalization: "layer_norm",
    layers.GroupNormalization: "group_norm",
    layers.PReLU: "prelu",
}
"""Layers whose weights multiply each value by itself, which the rule counts as nothing."""


def count(model: keras.Model, density: float | Sequence[float] | None = None) -> list[NodeCost]:
    """Count the cost of every layer with weights of a functional or Sequential model, in the order they run.

    `density`: what share of each P to count as lookups instead of those that survive, one number for all lookup
    layers or one for each; never more than a layer's lookups_per_tap allow. Raises ExportError, naming the layer, for a
    layer the rule says nothing of and for densities that do not fit, and as `export` does for a model that cannot be
    traced.
    """
    calls = traced(model).calls
    lookups = _lookups(calls, density)
    norms = {call.inputs[0] for call in calls if isinstance(call.layer, layers.BatchNormalization)}
    folded = norms & {call.output for call in calls if _can_take_norm(call)}
    costs = []
    for call in calls:
        if _is_lookup(call.layer) and call.part != "activation":
            costs.append(_lookup_cost(call, lookups[call.layer.name], call.output in folded))
        elif isinstance(call.layer, layers.BatchNormalization):
            if call.inputs[0] not in folded:
                costs.append(plain_cost(call.layer.name, "batch_norm", call.output_shape, 0, _size(2 * _filters(call))))
        elif type(call.layer) in _BY_CHANNEL:
            weights = sum(math.prod(variable.shape) for variable in call.layer.weights)
            costs.append(
                plain_cost(call.layer.name, _BY_CHANNEL[type(call.layer)], call.output_shape, 0, _size(weights))
            )
        elif isinstance(call.layer, layers.Normalization):  # it scales what comes in, as Rescaling does
            continue
        elif getattr(call.layer, "weights", ()) and call.part != "activation":
            costs.append(_plain_cost(call, call.output in folded))
    return costs


def _lookups(calls: Sequence[Call], density: float | Sequence[float] | None) -> dict[str, int]:
    """The number of lookups of each lookup layer, by its name."""
    found = list({call.layer.name: call.layer for call in calls if _is_lookup(call.layer)}.values())
    if density is None:
        return {layer.name: sparsity.lookups(layer) for layer in found}
    shares = [density] * len(found) if isinstance(density, int | float) else list(density)
    if len(shares) != len(found):
        names = ", ".join(layer.name for layer in found) or "none"
        raise ExportError(
            f"density: expected one number or one for each of {len(found)} lookup layers ({names}); found {len(shares)}"
        )
    if not all(0 <= share <= 1 for share in shares):
        raise ExportError(f"density: expected numbers from 0 to 1; found {', '.join(map(str, shares))}")
    return {
        layer.name: min(round(share * math.prod(layer.P.shape)), sparsity.most_lookups(layer))
        for layer, share in zip(found, shares, strict=True)
    }


def _is_lookup(layer: Any) -> bool:
    return isinstance(layer, LookupConv2D | LookupDense)


def _can_take_norm(call: Call) -> bool:
    """Whether a batch norm right after this call is folded into it."""
    weighted = _is_lookup(call.layer) or _kernel(call) is not None
    return weighted and (
        call.part in ("linear", "pointwise_linear") or call.layer.activation is keras.activations.linear
    )


def _filters(call: Call) -> int:
    return call.output_shape[-1]


def _size(weights: int, indices: int = 0) -> Size:
    return Size(weights, weights * _FLOAT + indices * _INDEX)


def _bias(call: Call, norm: bool) -> int:
    """How many biases a call adds: its layer's own, or what a batch norm folded into it leaves."""
    return _filters(call) if norm or (call.layer.bias is not None and call.part != "depthwise") else 0


def _lookup_cost(call: Call, lookups: int, norm: bool) -> NodeCost:
    """S spans the padded input at stride 1; P (..., k, n) has a tap for each of its leading axes."""
    layer, (source,) = call.layer, call.input_shapes
    atoms = None if layer.D is None else int(layer.P.shape[-2])
    dictionary = 0 if atoms is None else atoms * source[-1]
    return lookup_cost(
        layer.name,
        "lookup_dense" if len(source) == 1 else "lookup_conv2d",
        call.output_shape,
        channels=source[-1],
        atoms=atoms,
        taps=math.prod(layer.P.shape[:-2]),
        positions=math.prod(layer.padded_size((None, *source))),
        lookups=lookups,
        size=_size(dictionary + lookups + _bias(call, norm), indices=lookups + _filters(call) + 1),
    )


def _plain_cost(call: Call, norm: bool) -> NodeCost:
    kernel = _kernel(call)
    if kernel is None:
        raise ExportError(f"layer {call.layer.name}: the counting rule says nothing of {type(call.layer).__name__}")
    depthwise = isinstance(call.layer, layers.DepthwiseConv2D) or call.part == "depthwise"
    return plain_cost(
        call.layer.name,
        "dense" if len(call.output_shape) == 1 else "conv2d",
        call.output_shape,
        inputs=math.prod(kernel.shape[:2] if depthwise else kernel.shape[:-1]),
        size=_size(math.prod(kernel.shape) + _bias(call, norm)),
    )


def _kernel(call: Call) -> Any:
    """What a call multiplies by, (kh, kw, m, n) or (m, n); None if it is no convolution or dense layer."""
    if call.part in ("depthwise", "pointwise", "pointwise_linear"):
        return getattr(call.layer, f"{call.part.removesuffix('_linear')}_kernel")
    is_plain = isinstance(call.layer, layers.Conv2D | layers.DepthwiseConv2D | layers.Dense)
    return call.layer.kernel if is_plain and call.part != "activation" else None
