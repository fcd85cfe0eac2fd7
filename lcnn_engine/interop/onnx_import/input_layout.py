"""What a model's input is: its size, and whether it comes as N, C, H, W or, from TensorFlow, as N, H, W, C."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

import numpy as np
from onnx import TensorProto

from ...errors import ModelFormatError
from ...model.graph import MAX_ELEMENTS, elements, is_size
from ...utils.messages import shown
from .layout import Value, contiguous, image
from .nodes import Operator
from .reading import Declared, Model
from .tensors import FLOATS

__all__ = ["input_value"]

_THROUGH = ("Identity", "Cast", "Add", "Sub", "Mul", "Div", "Clip", "Relu", "Pad", "QuantizeLinear",
            "DequantizeLinear")  # fmt: skip  # do not care for the order of axes


def input_value(
    model: Model, operators: Sequence[Operator], constants: Mapping[str, np.ndarray], size: tuple[int, int] | None
) -> tuple[str, Value]:
    """Give the name of the input, and it as a value of one image.

    Raises ModelFormatError for more inputs than one, for what is no image of floating-point numbers, for a batch of
    more than one, and for a size that neither the file nor ``size`` (H, W) says.
    """
    declared = _only_input(model, operators)
    dims = declared.dims
    if dims is None or len(dims) not in (2, 4):
        raise ModelFormatError(f"input {shown(declared.name)}: expected (N, C, H, W) or (N, C), found {shown(dims)}")
    if isinstance(dims[0], int) and dims[0] > 1:
        remedy = "export the model with a batch of 1, or one that is left open (dynamic axes)"
        raise ModelFormatError(
            f"input {shown(declared.name)}: expected one image, found a batch of {dims[0]}; {remedy}"
        )
    _check_kind(declared, operators)
    if len(dims) == 2:
        shape = (1, 1, *_sizes(declared, [dims[1]]))
        return declared.name, Value(declared.name, shape, ((), contiguous(shape)[2]))
    last = _channels_last(declared.name, operators, constants)
    height, width, channels = (dims[1:3] + dims[3:]) if last else (dims[2:4] + dims[1:2])
    shape = _with_size(declared, height, width, channels, size)
    value = Value(declared.name, shape, ((), *contiguous(shape))) if last else image(declared.name, shape)
    return declared.name, value


def _only_input(model: Model, operators: Sequence[Operator]) -> Declared:
    read = {name for op in operators for name in op.inputs}
    inputs = [declared for declared in model.inputs if declared.name in read]
    if len(inputs) != 1:
        names = shown([declared.name for declared in inputs])
        raise ModelFormatError(f"expected a model with one input that it reads, found {names}")
    return inputs[0]


def _check_kind(declared: Declared, operators: Sequence[Operator]) -> None:
    """Check that the input is floating point, or at once cast to it; arithmetic of whole numbers is another."""
    readers = [op for op in operators if declared.name in op.inputs]
    cast = all(op.type == "Cast" and op.attributes.get("to") in FLOATS and not op.domain for op in readers)
    if declared.kind not in FLOATS and not cast:
        found = TensorProto.DataType.Name(declared.kind) if declared.kind in TensorProto.DataType.values() else "others"
        remedy = "begin the model with a Cast to FLOAT"
        raise ModelFormatError(
            f"input {shown(declared.name)}: expected floating-point numbers, found {found}; {remedy}"
        )


def _with_size(
    declared: Declared, height: object, width: object, channels: object, size: tuple[int, int] | None
) -> tuple[int, int, int]:
    if size is not None:
        if len(size) != 2 or not all(map(is_size, size)):
            raise ModelFormatError(f"expected input_size to be a height and a width, found {shown(size)}")
        for own, asked in ((height, size[0]), (width, size[1])):
            if is_size(own) and own != asked:
                raise ModelFormatError(
                    f"expected input_size to be the model's own, {height} x {width}, found {shown(size)}"
                )
        height, width = size
    if not is_size(height) or not is_size(width):
        found = f"{shown(height)} x {shown(width)}"
        remedy = "say it: input_size=(H, W), --input-size H W"
        raise ModelFormatError(f"input {shown(declared.name)}: expected a height and a width, found {found}; {remedy}")
    shape = _sizes(declared, [height, width, channels])
    return (shape[0], shape[1], shape[2])


def _sizes(declared: Declared, sizes: Sequence[object]) -> list[int]:
    found = [size for size in sizes if isinstance(size, int) and is_size(size)]
    if len(found) != len(sizes) or elements(found) > MAX_ELEMENTS:
        expected = f"sizes of at least 1, at most {MAX_ELEMENTS} values in all"
        raise ModelFormatError(f"input {shown(declared.name)}: expected {expected}, found {shown(declared.dims)}")
    return found


def _channels_last(name: str, operators: Sequence[Operator], constants: Mapping[str, np.ndarray]) -> bool:
    """Tell whether the first operator that cares is a Transpose from N, H, W, C to N, C, H, W."""
    readers = defaultdict(list)
    for op in operators:
        for source in op.inputs:
            readers[source].append(op)
    waiting, seen = deque([name]), {name}
    while waiting:
        for op in readers[waiting.popleft()]:
            if op.type == "Transpose" and op.attributes.get("perm") == [0, 3, 1, 2]:
                return True
            simple = op.type in _THROUGH and sum(source not in constants for source in op.inputs if source) == 1
            if simple and op.outputs and op.outputs[0] not in seen:
                seen.add(op.outputs[0])
                waiting.append(op.outputs[0])
    return False
