"""Layers and operations that only move values: reshapes, transpositions, slices, flips, repetitions, mirrored borders.

What one does is found by running it on the numbers of places. So several in a row are one move, whatever shapes lie
between, and whatever they are written with; a move becomes the fewest operations that a file has for it.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers
from keras.src.ops import core, image, nn  # Keras has no public names for what its functions make
from keras.src.ops import numpy as operations

from lcnn_engine.model.graph import Resize2D
from lcnn_engine.model.reference import apply
from lcnn_train.errors import ExportError
from lcnn_train.export.builder import GraphBuilder
from lcnn_train.keras_graph.graph import Call
from lcnn_train.keras_graph.running import run_call

_NAMES = {  # those of newer versions as far as the installed one has them
    operations: (
        "Reshape", "Transpose", "Flip", "Take", "GetItem", "Split", "ArraySplit", "Moveaxis", "Swapaxes", "Squeeze",
        "ExpandDims", "Repeat", "Tile", "Roll", "Rot90", "Stack",
    ),
    core: ("Slice", "Unstack"),
    image: ("CropImages",),
    nn: ("DepthToSpace", "SpaceToDepth"),
}  # fmt: skip
MOVES: tuple[type, ...] = (
    layers.Flatten,
    layers.Reshape,
    layers.Permute,
    layers.Cropping2D,
    *(getattr(module, name) for module, names in _NAMES.items() for name in names if hasattr(module, name)),
)
_MOST_LISTED = 2**20  # values of a move that no operation but a list of places describes
Shape = tuple[int, ...]


class Step(NamedTuple):
    """An operation of a file: its attributes, and the indices of a choice of channels."""

    op: str
    attributes: dict[str, Any]
    indices: np.ndarray | None = None


def move(builder: GraphBuilder, call: Call) -> None:
    """Add the operations that a move is, or keep it until what follows makes it an image or a vector.

    Raises ExportError where several are put together that are not all of one value.
    """
    found = [builder.moved(call, number) for number in range(len(call.inputs))]
    value, shape, _ = found[0]
    if any(other != value for other, _, _ in found):
        raise ExportError(f"layer {call.layer.name}: expected parts of one image, found those of several")
    places = _moved(call, [part for _, _, part in found], shape)
    if places.ndim not in (1, 3):
        builder.keep(call, value, shape, places)
        return
    steps = steps_of(places, shape)
    if steps is None:
        raise ExportError(
            f"layer {call.layer.name}: expected a crop, a slice, a mirrored or repeated border, a repetition, or an "
            f"exchange of channels, blocks or axes; found {shape} made into {places.shape} otherwise, in a list of "
            f"more than {_MOST_LISTED} places"
        )
    add_steps(builder, call, value, steps)


def add_steps(builder: GraphBuilder, call: Call, value: int, steps: list[Step]) -> None:
    """Add nodes one after the other to a value, the last one for the call; none are no change of it."""
    if not steps:
        builder.alias(call, value)
    for number, step in enumerate(steps, 1):
        last = number == len(steps)
        node = builder.add_from(call, value, step.op, "" if last else f"_part{number}", **step.attributes)
        if step.indices is not None:
            node.attributes["channels"] = len(step.indices)
            node.tensors = {"indices": step.indices.astype(np.int32)}
        value = node.value


def _moved(call: Call, parts: list[np.ndarray], shape: Shape) -> np.ndarray:
    """Run a move on the numbers of two images' places; those of the first. Raises ExportError where it mixes them."""
    size = int(np.prod(shape))
    if 2 * size >= 2**31:
        raise ExportError(f"layer {call.layer.name}: expected at most {2**30} values, found {size}")
    numbers = [np.stack([places, places + size]).astype(np.int32) for places in parts]
    found = np.asarray(keras.ops.convert_to_numpy(run_call(call, [*map(keras.ops.convert_to_tensor, numbers)])))
    alone = found.shape[1:] == call.output_shape and len(found) == 2
    if not alone or not np.array_equal(found[0] + size, found[1]) or found[0].min() < 0 or found[0].max() >= size:
        raise ExportError(
            f"layer {call.layer.name}: expected each image to be moved by itself, found {parts[0].shape} made into "
            f"{call.output_shape} with values of others"
        )
    return found[0].astype(np.int64)


def steps_of(places: np.ndarray, shape: Shape) -> list[Step] | None:
    """Find operations that take from an image or a vector of ``shape`` the values at ``places``, in their shape.

    None where they would have to list more than 2^20 places.
    """
    if np.array_equal(places.reshape(-1), np.arange(np.prod(shape))):
        return _reshaped(shape, places.shape)
    if places.ndim == len(shape) == 3:
        for find in (_permuted, _by_axis, _blocks_to_pixels, _pixels_to_blocks):
            steps = find(places, shape)
            if steps is not None:
                return steps
    if places.size > _MOST_LISTED:
        return None
    size = int(np.prod(shape))
    return [
        *_reshaped(shape, (size,)),
        Step("take_channels", {}, places.reshape(-1)),
        *_reshaped((places.size,), places.shape),
    ]


def _reshaped(shape: Shape, result: Shape) -> list[Step]:
    if shape == result:
        return []
    return [Step("flatten", {}) if len(shape) == 3 and len(result) == 1 else Step("reshape", {"shape": result})]


def _permuted(places: np.ndarray, shape: Shape) -> list[Step] | None:
    own = np.arange(np.prod(shape)).reshape(shape)
    for axes in permutations(range(3)):
        if np.array_equal(own.transpose(axes), places):
            return [Step("permute", {"axes": axes})]
    return None


def _axes(places: np.ndarray, shape: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Find rows, columns and channels of an image from which each value comes, where these go axis by axis."""
    _, width, channels = shape
    rows, columns = places[:, 0, 0] // (width * channels), places[0, :, 0] // channels % width
    taken = places[0, 0] % channels
    same = (rows[:, None, None] * width + columns[:, None]) * channels + taken
    return (rows, columns, taken) if np.array_equal(same, places) else None


def _by_axis(places: np.ndarray, shape: Shape) -> list[Step] | None:
    found = _axes(places, shape)
    if found is None:
        return None
    rows, columns, channels = found
    return [*_pixels(rows, columns, shape), *_channels(channels, shape[2])]


def _channels(indices: np.ndarray, channels: int) -> list[Step]:
    own = np.array_equal(indices, np.arange(channels))
    return [] if own else [Step("take_channels", {}, indices)]


def _pixels(rows: np.ndarray, columns: np.ndarray, shape: Shape) -> list[Step]:
    height, width, _ = shape
    for steps in (_cropped(rows, columns, shape), _padded(rows, columns, shape), _repeated(rows, columns, shape)):
        if steps is not None:
            return steps
    steps = []
    for indices, size, axes in ((rows, height, (2, 1, 0)), (columns, width, (0, 2, 1))):
        if not np.array_equal(indices, np.arange(size)):  # as channels, for a moment
            turn = Step("permute", {"axes": axes})
            steps += [turn, Step("take_channels", {}, indices), turn]
    return steps


def _cropped(rows: np.ndarray, columns: np.ndarray, shape: Shape) -> list[Step] | None:
    """Ascending by a stride: a crop, and a pool of single pixels."""
    strides, cropping = [], []
    for indices, size in zip((rows, columns), shape, strict=False):
        stride = int(indices[1] - indices[0]) if len(indices) > 1 else 1
        if stride < 1 or not np.array_equal(indices, indices[0] + stride * np.arange(len(indices))):
            return None
        strides.append(stride)
        cropping += [int(indices[0]), int(size - 1 - indices[-1])]
    steps = [Step("crop2d", {"cropping": tuple(cropping)})] if any(cropping) else []
    if strides != [1, 1]:
        steps.append(Step("max_pool2d", {"pool_size": (1, 1), "strides": tuple(strides), "padding": (0, 0, 0, 0)}))
    return steps


def _padded(rows: np.ndarray, columns: np.ndarray, shape: Shape) -> list[Step] | None:
    for mode in ("reflect", "symmetric", "edge"):
        sides = [_sides(indices, size, mode) for indices, size in zip((rows, columns), shape, strict=False)]
        if all(sides):
            padding = tuple(number for pair in sides if pair for number in pair)
            return [Step("pad2d", {"padding": padding, "mode": mode})]
    return None


def _sides(indices: np.ndarray, size: int, mode: Any) -> tuple[int, int] | None:
    """Find how many pixels of a border by ``mode`` there are before and behind an axis, where it is that."""
    most = {"reflect": size - 1, "symmetric": size}.get(mode, len(indices))
    own = np.arange(size)
    for before in map(int, np.flatnonzero(indices == 0)):
        behind = len(indices) - size - before
        if 0 <= behind <= most and before <= most and np.array_equal(np.pad(own, (before, behind), mode), indices):
            return before, behind
    return None


def _repeated(rows: np.ndarray, columns: np.ndarray, shape: Shape) -> list[Step] | None:
    for options in ({"coordinates": "asymmetric"}, {"rounding": "round_prefer_ceil"}):
        if all(np.array_equal(_nearest(*pair, options), pair[0]) for pair in ((rows, shape[0]), (columns, shape[1]))):
            return [Step("resize2d", {"size": (len(rows), len(columns)), "method": "nearest", **options})]
    return None


def _nearest(indices: np.ndarray, size: int, options: dict[str, Any]) -> np.ndarray:
    """Find which of ``size`` pixels a resize to as many as there are indices takes."""
    node = Resize2D(name="", inputs=("",), size=(len(indices), 1), method="nearest", **options)
    return apply(node, [np.arange(size, dtype=np.float32).reshape(size, 1, 1)], {})[:, 0, 0]


def _blocks_to_pixels(places: np.ndarray, shape: Shape) -> list[Step] | None:
    """Channels, perhaps in another order, that become blocks of pixels."""
    (height, width, channels), (tall, wide, result) = shape, places.shape
    block = tall // height
    if block < 2 or (height * block, width * block, result * block**2) != (tall, wide, channels):
        return None
    blocks = places.reshape(height, block, width, block, result).transpose(0, 2, 1, 3, 4).reshape(shape)
    steps = _by_axis(blocks, shape)
    return None if steps is None else [*steps, Step("depth_to_space", {"block_size": block})]


def _pixels_to_blocks(places: np.ndarray, shape: Shape) -> list[Step] | None:
    """Blocks of pixels that become channels, perhaps in another order."""
    (tall, wide, channels), (height, width, result) = shape, places.shape
    block = tall // height
    if block < 2 or (height * block, width * block, channels * block**2) != (tall, wide, result):
        return None
    own = np.arange(np.prod(shape)).reshape(height, block, width, block, channels)
    blocks = own.transpose(0, 2, 1, 3, 4).reshape(places.shape)
    order = np.argsort(blocks[0, 0])
    taken = order[np.searchsorted(blocks[0, 0], places[0, 0], sorter=order) % result]
    if not np.array_equal(blocks[..., taken], places):
        return None
    return [Step("space_to_depth", {"block_size": block}), *_channels(taken, result)]
