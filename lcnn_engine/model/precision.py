"""What every precision computes: float32 is the reference, the others have definitions of their own beside it.

``DEFINITIONS`` has a function for each: of a node, its inputs and its tensors by their names in the node, its result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import reference
from .activations import ACTIVATION_FUNCTIONS
from .bfloat16 import STEP, is_rounded, on_pairs, round_to_bfloat16
from .int8 import is_quantized, quantize_input, quantize_weights
from .reference import Float32, NodeLike

__all__ = ["DEFINITIONS", "apply", "evaluate", "slack"]

Tensors: TypeAlias = Mapping[str, NDArray[Any]]
Definition: TypeAlias = Callable[[NodeLike, Sequence[Float32], Tensors], Float32]


def _bfloat16(node: NodeLike, inputs: Sequence[Float32], tensors: Tensors) -> Float32:
    """See ``bfloat16.py``."""
    if node.op in ("lookup_conv2d", "lookup_dense"):
        x, rounded = _rounded_lookups(node, inputs[0], tensors)
        return reference.apply(node, [x], rounded)
    if not is_rounded(node, tensors):
        return reference.apply(node, inputs, tensors)
    rounded = {name: round_to_bfloat16(t) if name == "kernel" else t for name, t in tensors.items()}
    return reference.apply(node, [round_to_bfloat16(inputs[0])], rounded)


def _rounded_lookups(node: NodeLike, x: Float32, tensors: Tensors) -> tuple[Float32, dict[str, NDArray[Any]]]:
    """Give the input and the tensors of a lookup layer, rounded; S in the input's place where that is rounded, too."""
    rounded = dict(tensors)
    if is_rounded(node, tensors):
        x, rounded["dictionary"] = round_to_bfloat16(x), round_to_bfloat16(tensors["dictionary"])
    if on_pairs(tensors, x.shape[-1]):
        if "dictionary" in rounded:
            wide = x.astype(np.float64) @ rounded.pop("dictionary").astype(np.float64).T
            with np.errstate(over="ignore"):
                x = wide.astype(np.float32)
        x, rounded["coefficients"] = round_to_bfloat16(x), round_to_bfloat16(tensors["coefficients"])
    return x, rounded


def _bfloat16_slack(node: NodeLike, inputs: Sequence[Float32], tensors: Tensors) -> Float32 | None:
    """One step of every S times its |C|, summed up: a float32 sum may lie on the other side of a middle."""
    if "dictionary" not in tensors or not on_pairs(tensors, inputs[0].shape[-1]):
        return None
    s, rounded = _rounded_lookups(node, inputs[0], tensors)
    with np.errstate(divide="ignore"):
        steps = np.exp2(np.floor(np.log2(np.abs(s.astype(np.float64))))) * STEP
    plain = {name: np.abs(t) if name == "coefficients" else t for name, t in rounded.items() if name != "bias"}
    attributes = {**node.attributes(), "activation": "linear", "alpha": None}
    return reference.OPERATIONS[node.op](steps.astype(np.float32), **plain, **attributes)


def _int8(node: NodeLike, inputs: Sequence[Float32], tensors: Tensors) -> Float32:
    """See ``int8.py``."""
    if not is_quantized(node, tensors):
        return reference.apply(node, inputs, tensors)
    attributes = dict(node.attributes())
    if "dictionary" in tensors:
        x = inputs[0]
        if "padding" in attributes:  # S is made of the padded input: of one that is not finite it is NaN there, too
            top, bottom, left, right = attributes["padding"]
            x = np.pad(x, ((top, bottom), (left, right), (0, 0)))
            attributes["padding"] = (0, 0, 0, 0)
        X, D = quantize_input(x), quantize_weights(tensors["dictionary"])
        sums = X.integers.astype(np.float64) @ D.integers.T.astype(np.float64)
        S = _scaled(sums, X.scale, D.scale).astype(np.float32)
        lookups = {name: tensor for name, tensor in tensors.items() if name != "dictionary"}
        return reference.OPERATIONS[node.op](S, **lookups, **attributes)
    X, W = quantize_input(inputs[0]), quantize_weights(tensors["kernel"])
    plain = attributes | {"activation": "linear", "alpha": None}
    integers = X.integers.astype(np.float32)
    total = reference.OPERATIONS[node.op](integers, kernel=W.integers.astype(np.float32), bias=None, **plain)
    Y = _scaled(total, X.scale, W.scale) + tensors.get("bias", np.float32(0))
    with np.errstate(over="ignore"):
        return ACTIVATION_FUNCTIONS[attributes["activation"]].function(Y, attributes["alpha"] or 0.0).astype(np.float32)


def _scaled(sums: NDArray[Any], of_input: Any, of_weights: NDArray[Any]) -> NDArray[np.float64]:
    """Multiply sums (..., n), rounded to float32, by the scales of the input, (), and of the weights, (n,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return sums.astype(np.float32).astype(np.float64) * (of_input * of_weights)


DEFINITIONS: dict[str, Definition] = {
    "float32": reference.apply,
    "bfloat16": _bfloat16,
    "int8": _int8,
}
SLACK: dict[str, Callable[[NodeLike, Sequence[Float32], Tensors], Float32 | None]] = {"bfloat16": _bfloat16_slack}


def apply(precision: str, node: NodeLike, inputs: Sequence[Float32], tensors: Tensors) -> Float32:
    """Compute one node of its inputs, as ``precision`` defines it. Raises ModelFormatError as ``reference.apply``."""
    return DEFINITIONS[precision](node, inputs, tensors)


def evaluate(precision: str, graph: Any, tensors: Tensors, x: NDArray[Any]) -> dict[str, Float32]:
    """Compute every node's result, as ``precision`` defines it. Otherwise ``reference.evaluate``."""
    return reference.evaluate(graph, tensors, x, DEFINITIONS[precision])


def slack(precision: str, node: NodeLike, inputs: Sequence[Float32], tensors: Tensors) -> Float32 | None:
    """Compute what a result may be off beyond rounding to float32, by values between that were rounded; or None."""
    return SLACK[precision](node, inputs, tensors) if precision in SLACK else None
