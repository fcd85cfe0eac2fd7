"""Layers and operations that resize an image inside a network, cut out its middle, or put numbers around it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras.src.ops import image as image_operations  # Keras has no public name for what keras.ops.image.resize makes

from lcnn_engine.model.graph import Resize2D
from lcnn_engine.model.reference import apply
from lcnn_train.errors import ExportError
from lcnn_train.export.builder import GraphBuilder
from lcnn_train.export.moves import move
from lcnn_train.export.weighted import channels_last
from lcnn_train.keras_graph.graph import Call
from lcnn_train.keras_graph.running import run_call

ResizeImages, PadImages = image_operations.Resize, image_operations.PadImages
_METHODS: dict[str, dict[str, Any]] = {  # what Keras' are, with TensorFlow below it
    "nearest": {"method": "nearest", "rounding": "round_prefer_ceil"},
    "bilinear": {"method": "bilinear"},
    "bicubic": {"method": "bicubic", "edges": "exclude"},
}
_CLOSE = 2e-5  # of the largest value: TensorFlow rounds positions to float32


def upsampling2d(builder: GraphBuilder, call: Call) -> None:
    """Add what repeats each pixel, or lies between them."""
    channels_last(call.layer)
    if call.layer.interpolation == "nearest":
        move(builder, call)
    else:
        _resize(builder, call, call.layer.interpolation)


def resizing(builder: GraphBuilder, call: Call) -> None:
    """Add a resize without antialias, of the whole image."""
    layer = call.layer
    channels_last(layer)
    for option in ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio"):
        if getattr(layer, option, False):
            raise ExportError(f"layer {layer.name}: expected a resize without {option}, found {option}=True")
    _resize(builder, call, layer.interpolation)


def _resize(builder: GraphBuilder, call: Call, method: str) -> None:
    """Add a resize2d node. Raises ExportError where Keras would compute other values."""
    if method not in _METHODS:
        raise ExportError(f"layer {call.layer.name}: expected {', '.join(_METHODS)}, found {method}")
    if len(call.output_shape) != 3:
        raise ExportError(f"layer {call.layer.name}: expected an image (H, W, C), found {call.output_shape}")
    attributes = {"size": call.output_shape[:2], **_METHODS[method]}
    _check(call, Resize2D(name=call.layer.name, inputs=("image",), **attributes))
    builder.add(call, "resize2d", **attributes)


def _check(call: Call, node: Resize2D) -> None:
    x = np.random.default_rng(0).normal(0, 1, call.input_shapes[0]).astype(np.float32)
    theirs = np.asarray(keras.ops.convert_to_numpy(run_call(call, [keras.ops.convert_to_tensor(x[None])])))[0]
    found = float(np.abs(apply(node, [x], {}) - theirs).max() / np.abs(theirs).max())
    if not found <= _CLOSE:
        raise ExportError(
            f"layer {call.layer.name}: expected {node.method} resizing from {call.input_shapes[0][:2]} to {node.size} "
            f"to give what Keras gives, found a difference of {found:.1e} of the largest value: TensorFlow rounds "
            f"positions, to 1/1024 of a pixel for bicubic; resize by a power of two, or bilinearly"
        )


def center_crop(builder: GraphBuilder, call: Call) -> None:
    """Add a crop to the middle, the odd pixel left out behind."""
    layer, (height, width, _) = call.layer, call.input_shapes[0]
    channels_last(layer)
    down, across = height - layer.height, width - layer.width
    if min(down, across) < 0:
        raise ExportError(
            f"layer {layer.name}: expected a crop of an image no smaller than {(layer.height, layer.width)}, found "
            f"{(height, width)}, which Keras resizes"
        )
    builder.add(call, "crop2d", cropping=(down // 2, down - down // 2, across // 2, across - across // 2))


def pad(builder: GraphBuilder, call: Call) -> None:
    """Add a border of one number around the image, or of the image's own pixels."""
    layer = call.layer
    if layer.mode != "constant":
        move(builder, call)
        return
    if len(call.inputs) != 1:
        raise ExportError(f"operation {layer.name}: expected a border of one number, found one of a tensor")
    value = call.keywords.get("constant_values", (*call.arguments, None, None)[1])
    sides = np.broadcast_to(np.asarray(layer.pad_width), (len(call.output_shape) + 1, 2))
    widths = [(int(before), int(behind)) for before, behind in sides]
    if len(widths) != 4 or any(map(any, (widths[0], widths[3]))):
        raise ExportError(f"operation {layer.name}: expected rows and columns of an image to be padded, found {widths}")
    _add_border(builder, call, (*widths[1], *widths[2]), 0.0 if value is None else float(value))


def pad_images(builder: GraphBuilder, call: Call) -> None:
    """Add a border of zeros, of which Keras was told two sides, or one and the size of the result."""
    layer = call.layer
    channels_last(layer)
    if len(call.output_shape) != 3:
        raise ExportError(f"operation {layer.name}: expected an image (H, W, C), found {call.output_shape}")
    padding = []
    own = ((layer.top_padding, layer.bottom_padding), (layer.left_padding, layer.right_padding))
    for (before, behind), size, made in zip(own, call.input_shapes[0], call.output_shape, strict=False):
        first = made - size - behind if before is None else before
        padding += [first, made - size - first]
    _add_border(builder, call, (padding[0], padding[1], padding[2], padding[3]), 0.0)


def _add_border(builder: GraphBuilder, call: Call, padding: tuple[int, int, int, int], value: float) -> None:
    if value:
        builder.add(call, "pad2d", padding=padding, value=value)
    else:
        builder.add(call, "zero_pad2d", padding=padding)
