"""What every precision computes: float32 is the reference, the others have definitions of their own beside it.

``DEFINITIONS`` has a function for each: of a node, its inputs and its tensors by their names in the node, its result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

from . import reference
from .bfloat16 import is_rounded, round_to_bfloat16
from .reference import Float32, NodeLike

__all__ = ["DEFINITIONS", "apply", "evaluate", "slack"]

Definition: TypeAlias = Callable[[NodeLike, Sequence[Float32], Mapping[str, NDArray[Any]]], Float32]


def _bfloat16(node: NodeLike, inputs: Sequence[Float32], tensors: Mapping[str, NDArray[Any]]) -> Float32:
    """See ``bfloat16.py``."""
    if not is_rounded(node, tensors):
        return reference.apply(node, inputs, tensors)
    rounded = {name: round_to_bfloat16(t) if name == "kernel" else t for name, t in tensors.items()}
    return reference.apply(node, [round_to_bfloat16(inputs[0])], rounded)


DEFINITIONS: dict[str, Definition] = {
    "float32": reference.apply,
    "bfloat16": _bfloat16,
    "int8": reference.apply,  # nothing is rounded yet
}
SLACK: dict[str, Callable[[NodeLike, Sequence[Float32], Mapping[str, NDArray[Any]]], Float32 | None]] = {}


def apply(precision: str, node: NodeLike, inputs: Sequence[Float32], tensors: Mapping[str, NDArray[Any]]) -> Float32:
    """Compute one node of its inputs, as ``precision`` defines it. Raises ModelFormatError as ``reference.apply``."""
    return DEFINITIONS[precision](node, inputs, tensors)


def evaluate(precision: str, graph: Any, tensors: Mapping[str, NDArray[Any]], x: NDArray[Any]) -> dict[str, Float32]:
    """Compute every node's result, as ``precision`` defines it. Otherwise ``reference.evaluate``."""
    return reference.evaluate(graph, tensors, x, DEFINITIONS[precision])


def slack(
    precision: str, node: NodeLike, inputs: Sequence[Float32], tensors: Mapping[str, NDArray[Any]]
) -> Float32 | None:
    """Compute what a result may be off beyond rounding to float32, by values between that were rounded; or None."""
    return SLACK[precision](node, inputs, tensors) if precision in SLACK else None
