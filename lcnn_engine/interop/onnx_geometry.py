"""Operations that move values, and resizing, as ONNX operators: a part of ``onnx.py``.

Each function appends what one of our nodes becomes, of which ``op`` does the work, and gives the result's name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..model import graph as g
from ..model.interpolation import taps_of
from .onnx_writer import Writer, nhwc, reshape

__all__ = ["GEOMETRY"]


def _reshaped(writer: Writer, node: g.Reshape, op: str) -> str:
    shape = [0, *node.shape]
    if len(node.shape) == 1:
        return reshape(writer, nhwc(writer, node), node.name, shape)
    image = reshape(writer, nhwc(writer, node), f"{node.name}.image", shape)
    return writer.add("Transpose", [image], node.name, perm=[0, 3, 1, 2])


def _permute(writer: Writer, node: g.Permute, op: str) -> str:
    own = (2, 3, 1)  # where ONNX has our axes
    height, width, channels = (own[axis] for axis in node.axes)
    return writer.add(op, writer.inputs(node), node.name, perm=[0, channels, height, width])


def _padded(writer: Writer, node: g.Pad2D, op: str) -> str:
    if node.mode == "symmetric":  # ONNX has no word for it
        return _mirrored(writer, node)
    top, bottom, left, right = node.padding
    operands = [writer.constant(f"{node.name}.pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))]
    if node.mode == "constant":
        operands.append(writer.constant(f"{node.name}.value", np.array(node.value, np.float32)))
    return writer.add(op, [*writer.inputs(node), *operands], node.name, mode=node.mode)


def _mirrored(writer: Writer, node: g.Pad2D) -> str:
    (height, width, _), (top, bottom, left, right) = writer.shape(node.inputs[0]), node.padding
    rows, columns = np.pad(np.arange(height), (top, bottom), "symmetric"), np.arange(width)
    return _pixels(writer, node, rows, np.pad(columns, (left, right), "symmetric"))


def _pixels(writer: Writer, node: g.Node, rows: np.ndarray, columns: np.ndarray) -> str:
    """Take rows and then columns by their numbers."""
    value = writer.inputs(node)[0]
    for axis, indices, name in ((2, rows, f"{node.name}.rows"), (3, columns, node.name)):
        operands = [value, writer.constant(f"{name}.indices", indices.astype(np.int64))]
        value = writer.add("Gather", operands, name, axis=axis)
    return value


def _crop(writer: Writer, node: g.Crop2D, op: str) -> str:
    top, _, left, _ = node.cropping
    height, width, _ = writer.shape(node.name)
    numbers = {"starts": (top, left), "ends": (top + height, left + width), "axes": (2, 3)}
    operands = [writer.constant(f"{node.name}.{key}", np.array(value, np.int64)) for key, value in numbers.items()]
    return writer.add(op, [*writer.inputs(node), *operands], node.name)


def _take_channels(writer: Writer, node: g.TakeChannels, op: str) -> str:
    indices = writer.tensors[f"{node.name}/indices"].astype(np.int64)
    return writer.add(op, [*writer.inputs(node), writer.constant(f"{node.name}.indices", indices)], node.name, axis=1)


def _resize(writer: Writer, node: g.Resize2D, op: str) -> str:
    """Write Resize where ONNX Runtime gives what it should: positions are rounded to float32 there, so the nearest
    pixel may be another, and bicubic ones cannot become fewer."""
    shape = writer.shape(node.inputs[0])
    attributes: dict[str, Any] = {"coordinate_transformation_mode": node.coordinates}
    if node.method == "nearest":
        if node.coordinates == "align_corners" or any(new % old for old, new in zip(shape, node.size, strict=False)):
            rows, columns = (taps_of(node, axis, shape[axis])[0][:, 0] for axis in (0, 1))
            return _pixels(writer, node, rows, columns)
        attributes |= {"mode": "nearest", "nearest_mode": node.rounding}
    elif node.method == "bilinear":
        attributes |= {"mode": "linear"}
    elif any(new < old for old, new in zip(shape, node.size, strict=False)):
        return _taps(writer, node)
    else:
        exclude = int(node.edges == "exclude")
        attributes |= {"mode": "cubic", "cubic_coeff_a": node.cubic_coefficient, "exclude_outside": exclude}
    return writer.add(op, [*writer.inputs(node), "", "", _sizes(writer, node)], node.name, **attributes)


def _taps(writer: Writer, node: g.Resize2D) -> str:
    """Write a resize as a sum, first of rows, then of columns, that are taken by their numbers and weighted."""
    value, shape = writer.inputs(node)[0], writer.shape(node.inputs[0])
    for axis, name in enumerate((f"{node.name}.rows", node.name)):
        indices, weights = taps_of(node, axis, shape[axis])
        terms = []
        for tap in range(node.taps()):
            part = f"{name}.tap{tap}"
            operands = [value, writer.constant(f"{part}.indices", indices[:, tap])]
            weight = weights[:, tap, None] if axis == 0 else weights[:, tap]
            taken = writer.add("Gather", operands, f"{part}.taken", axis=axis + 2)
            terms.append(writer.add("Mul", [taken, writer.constant(f"{part}.weight", weight.astype(np.float32))], part))
        value = writer.add("Sum", terms, name)
    return value


def _sizes(writer: Writer, node: g.Resize2D) -> str:
    """Name the shape of the result; of an open batch it is known only when it runs."""
    name, channels = f"{node.name}.sizes", writer.shape(node.name)[-1]
    if isinstance(writer.batch, int):
        return writer.constant(name, np.array([writer.batch, channels, *node.size], np.int64))
    shape = writer.add("Shape", writer.inputs(node), f"{name}.batch", end=1)
    rest = writer.constant(f"{name}.image", np.array([channels, *node.size], np.int64))
    return writer.add("Concat", [shape, rest], name, axis=0)


def _blocks(**attributes: Any) -> Callable[[Writer, Any, str], str]:
    return lambda writer, node, op: writer.add(
        op, writer.inputs(node), node.name, blocksize=node.block_size, **attributes
    )


GEOMETRY: dict[str, tuple[str, Callable[[Writer, Any, str], str]]] = {
    "pad2d": ("Pad", _padded),
    "crop2d": ("Slice", _crop),
    "resize2d": ("Resize", _resize),
    "depth_to_space": ("DepthToSpace", _blocks(mode="DCR")),
    "space_to_depth": ("SpaceToDepth", _blocks()),
    "take_channels": ("Gather", _take_channels),
    "reshape": ("Reshape", _reshaped),
    "permute": ("Transpose", _permute),
}
