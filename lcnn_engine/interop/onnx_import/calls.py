"""One ONNX node as the functions see it that fold or translate it: inputs and attributes, checked as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...model.graph import is_finite
from ...utils.messages import shown
from .building import Builder, RefusedError
from .layout import Order, Value, contiguous, laid_out, order_with_last
from .nodes import Operator

__all__ = ["Call", "Input", "Translating", "one_axis"]

Input = Value | np.ndarray | None  # None: left out


@dataclass
class Call:
    """A node: ``operator``, its ``inputs`` (constants as arrays, others as values), the model's ``opset``."""

    operator: Operator
    inputs: Sequence[Input]
    opset: int

    @property
    def name(self) -> str:
        """What a node of ours that comes of this goes by."""
        return self.operator.name

    def given(self, index: int) -> Input:
        """Give an input; None where there is none."""
        return self.inputs[index] if index < len(self.inputs) else None

    def value(self, index: int = 0) -> Value:
        """Give an input that is no constant. Raises RefusedError."""
        found = self.given(index)
        if not isinstance(found, Value):
            what = "a constant" if isinstance(found, np.ndarray) else "none"
            raise RefusedError(f"expected input {index} to depend on the image, found {what}")
        return found

    def constant(self, index: int) -> np.ndarray:
        """Give an input that is a constant. Raises RefusedError."""
        found = self.given(index)
        if not isinstance(found, np.ndarray):
            what = "a value that is calculated from the image" if isinstance(found, Value) else "none"
            raise RefusedError(f"expected input {index} to be a constant, found {what}")
        return found

    def maybe(self, index: int) -> np.ndarray | None:
        """Give a constant input that may be left out. Raises RefusedError."""
        return None if self.given(index) is None else self.constant(index)

    def numbers(self, index: int, attribute: str = "") -> list[int] | None:
        """Give whole numbers that are an input, or in older versions the ``attribute``; None where there are none."""
        if attribute and attribute in self.operator.attributes:
            return self.integers(attribute)
        found = self.maybe(index)
        if found is None:
            return None
        if found.dtype.kind not in "iu" or found.ndim > 1:
            raise RefusedError(f"expected input {index} to be whole numbers, found {found.dtype} of {found.shape}")
        return [int(number) for number in found.reshape(-1)]

    def scalar(self, index: int, attribute: str = "") -> float | None:
        """Give one number that is an input, or in older versions the ``attribute``; None where there is none."""
        if attribute and attribute in self.operator.attributes:
            return self.number(attribute)
        found = self.maybe(index)
        if found is None:
            return None
        if found.size != 1 or found.dtype.kind not in "iuf":
            raise RefusedError(f"expected input {index} to be one number, found shape {found.shape}")
        return float(found.reshape(-1)[0])

    def integer(self, attribute: str, default: int | None = None) -> int:
        """Give an attribute that is a whole number. Raises RefusedError."""
        found = self.operator.attributes.get(attribute, default)
        if not isinstance(found, int):
            raise RefusedError(f"expected {attribute} to be a whole number, found {shown(found)}")
        return found

    def number(self, attribute: str, default: float | None = None) -> float:
        """Give an attribute that is a finite number. Raises RefusedError."""
        found: Any = self.operator.attributes.get(attribute, default)
        if not is_finite(found):
            raise RefusedError(f"expected {attribute} to be a finite number, found {shown(found)}")
        return float(found)

    def text(self, attribute: str, default: str) -> str:
        """Give an attribute that is a string. Raises RefusedError."""
        found = self.operator.attributes.get(attribute, default)
        if not isinstance(found, str):
            raise RefusedError(f"expected {attribute} to be text, found {shown(found)}")
        return found

    def integers(self, attribute: str, default: Sequence[int] | None = None, length: int | None = None) -> list[int]:
        """Give an attribute that is a list of whole numbers, ``length`` of them. Raises RefusedError."""
        found: Any = self.operator.attributes.get(attribute, default)
        if not isinstance(found, Sequence) or not all(isinstance(number, int) for number in found):
            raise RefusedError(f"expected {attribute} to be whole numbers, found {shown(found)}")
        if length is not None and len(found) != length:
            raise RefusedError(f"expected {attribute} to be {length} numbers, found {shown(list(found))}")
        return list(found)

    def has(self, attribute: str) -> bool:
        """Tell whether the node has the attribute."""
        return attribute in self.operator.attributes

    def axis(self, attribute: str, rank: int, default: int | None = None) -> int:
        """Give an attribute that counts axes, from the end where it is negative. Raises RefusedError."""
        return one_axis(self.integer(attribute, default), rank)

    def axes(self, index: int, rank: int) -> list[int] | None:
        """Give the axes that an input or the attribute ``axes`` lists, sorted; None where there are none."""
        found = self.numbers(index, "axes")
        return None if found is None else sorted(one_axis(axis, rank) for axis in found)


def one_axis(axis: int, rank: int) -> int:
    """Count an axis from the front. Raises RefusedError for one that there is not."""
    if not -rank <= axis < rank:
        raise RefusedError(f"expected an axis of {rank}, found {axis}")
    return axis % rank


@dataclass(kw_only=True)
class Translating(Call):
    """A node that becomes nodes of ours, which ``builder`` collects."""

    builder: Builder

    def add(self, op: str, *inputs: str, part: Any = "", tensors: Any = None, **fields: Any) -> str:
        """Append a node of ours that goes by the operator's name, with ``part`` behind it where it is not the last."""
        name = f"{self.name}.{part}" if part else self.name
        return self.builder.add(op, name, inputs, tensors, **fields)

    def image(self, index: int = 0) -> str:
        """Give our (H, W, C) of an input (1, C, H, W). Raises RefusedError."""
        value = self.value(index)
        if len(value.axes) != 4 or value.dims[0] != 1:
            raise RefusedError(f"expected an image (1, C, H, W), found shape {value.dims}")
        return self.builder.arranged(value, ([2], [3], [1]), self.name)

    def channels_last(self, value: Value, axis: int) -> Value:
        """Give ``value`` as an array of ours in which ``axis`` is the channels."""
        if value.axes[axis] == contiguous(value.shape)[-1]:
            return value
        node, order = self.with_last(value, [axis])
        return laid_out(node, order, value.dims)

    def with_last(self, value: Value, axes: Sequence[int]) -> tuple[str, Order]:
        """Give our array of ``value`` in which ``axes`` are the channels; and its order."""
        order = order_with_last(value, axes)
        return self.builder.arranged(value, order, self.name), order
