"""Resizing, CenterCrop, Rescaling and Normalization at a model's beginning, said as a file's preprocessing.

Only a head that resizes or crops becomes preprocessing, for no operation of a network does that; what it scales then
goes along. Other heads are operations of the graph, and the file takes what the model takes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any

import keras
import numpy as np
from keras import layers

from lcnn_train.errors import ExportError
from lcnn_train.export.weighted import array, channels_last
from lcnn_train.keras_graph.graph import Call, Trace, functional_graph, walk
from lcnn_train.keras_graph.kinds import is_augmentation
from lcnn_train.keras_graph.tracing import trace

__all__ = ["traced_without_head"]

_SIZES = (layers.Resizing, layers.CenterCrop)
_SCALES = (layers.Rescaling, layers.Normalization)
_MODES = {1: "L", 3: "RGB"}
_SMOOTH = {"bilinear": "triangle", "bicubic": "keyscubic"}  # TensorFlow's kernels, which its antialiasing takes


def traced_without_head(model: keras.Model) -> tuple[Trace, dict[str, Any] | None]:
    """Trace a model, and take a head that resizes or crops off, which is given as preprocessing; None without one.

    Raises ExportError as `trace` does, and for a head that preprocessing cannot say.
    """
    model = _sized(model)
    traced = trace(model)
    head = _head(traced)
    if not any(type(call.layer) in _SIZES for call in head):
        return traced, None
    _check_floats(functional_graph(model).inputs[0], head)
    last = head[-1]
    behind = [call for call in traced.calls if call not in head]
    rest = replace(traced, input=last.output, input_shape=last.output_shape, calls=behind)
    return rest, _preprocessing(head, last.output_shape[-1])


def _sized(model: keras.Model) -> keras.Model:
    """Give a model of images of any size an input of the size that its head makes of them; others as they are."""
    graph = functional_graph(model)
    if graph is None or len(graph.inputs) != 1 or len(graph.inputs[0].shape) != 4:
        return model
    tensor = graph.inputs[0]
    if None not in tensor.shape[1:3]:
        return model
    found = [node.operation for node, _ in walk(graph, {id(tensor): 0}, count(1)) if type(node.operation) in _SIZES]
    if not found:
        return model
    image = keras.Input((found[0].height, found[0].width, tensor.shape[3]), dtype=tensor.dtype, name=tensor.name)
    return keras.Model(image, model(image), name=model.name)


def _check_floats(image: Any, head: list[Call]) -> None:
    if keras.backend.is_int_dtype(image.dtype) and any(type(call.layer) is layers.Resizing for call in head):
        raise ExportError(
            f"input {image.name}: expected floats, as Resizing rounds {image.dtype} and preprocessing does not; "
            f"call the model on keras.Input(..., dtype='float32')"
        )


def _head(traced: Trace) -> list[Call]:
    """List the calls from the input on, one after another, as long as they resize, crop, scale or do nothing."""
    uses = Counter(value for call in traced.calls for value in call.inputs)
    readers = {value: call for call in traced.calls for value in call.inputs}
    value, head = traced.input, []
    while uses[value] == 1 and _belongs(readers[value]):
        head.append(readers[value])
        value = readers[value].output
    while head and head[-1].output == traced.output:  # a network is more than its head
        head.pop()
    return head


def _belongs(call: Call) -> bool:
    kind = type(call.layer)
    unchanged = is_augmentation(call.layer) and call.input_shapes == (call.output_shape,)
    return unchanged or kind in _SIZES or (kind in _SCALES and _scale_and_shift(call) is not None)


def _preprocessing(head: list[Call], channels: int) -> dict[str, Any]:
    if channels not in _MODES:
        raise ExportError(f"layer {head[0].layer.name}: expected images of 1 or 3 channels, found {channels}")
    sizes = [call.layer for call in head if type(call.layer) in _SIZES]
    kinds = [type(layer) for layer in sizes]
    if kinds not in ([layers.Resizing], [layers.CenterCrop], [layers.Resizing, layers.CenterCrop]):
        names = ", ".join(layer.name for layer in sizes)
        raise ExportError(
            f"layers {names}: expected one Resizing and then one CenterCrop, or either, as preprocessing of a file "
            f"resizes once and then crops; export the model behind them, and prepare its input as it was in training"
        )
    found: dict[str, Any] = {"mode": _MODES[channels]}
    for layer in sizes:
        channels_last(layer)
        found |= {"resize": _resize(layer)} if type(layer) is layers.Resizing else {"crop": "center"}
    return found | _scaling(head, channels)


def _resize(layer: Any) -> dict[str, Any]:
    if layer.pad_to_aspect_ratio:
        raise ExportError(
            f"layer {layer.name}: expected a Resizing without pad_to_aspect_ratio, as no preprocessing of a model file "
            f"pads; train with crop_to_aspect_ratio, or export the model behind it and pad images yourself"
        )
    policy = "crop_to_aspect_ratio" if layer.crop_to_aspect_ratio else "exact"
    name = layer.interpolation
    smooth = bool(layer.antialias) and name != "nearest"
    resample = _SMOOTH.get(name, name) if smooth else name
    found = {"policy": policy, "size": [layer.height, layer.width], "resample": resample}
    return found if smooth else found | {"antialias": False}


def _scaling(head: list[Call], channels: int) -> dict[str, Any]:
    """Say one (x * scale - mean) / std for all that scale; what resizes in between has weights that add up to 1."""
    scale, shift = np.ones(channels), np.zeros(channels)
    for call in head:
        own = _scale_and_shift(call) if type(call.layer) in _SCALES else None
        if own is not None:
            scale, shift = scale * own[0], shift * own[0] + own[1]
    if (scale == scale[0]).all():
        return {"scale": float(scale[0]), "mean": (0.0 - shift).tolist(), "std": [1.0] * channels}
    return {"mean": (0.0 - shift / scale).tolist(), "std": (1 / scale).tolist()}


def _scale_and_shift(call: Call) -> tuple[np.ndarray, np.ndarray] | None:
    """Find what each channel is multiplied by, and what is added then; None unless that is all a layer does."""
    layer: Any = call.layer
    channels = call.output_shape[-1]
    if type(layer) is layers.Rescaling:
        scale, shift = np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64)
    elif layer.invert or tuple(layer.axis or ()) not in ((), (-1,), (len(call.output_shape),)):
        return None
    else:
        scale = 1 / np.maximum(np.sqrt(array(layer.variance)), keras.config.epsilon())
        shift = -array(layer.mean) * scale
    if scale.size not in (1, channels) or shift.size not in (1, channels) or not scale.all():
        return None
    return np.resize(scale, channels), np.resize(shift, channels)
