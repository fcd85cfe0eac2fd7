"""Separable convolutions as the two layers that they are: the pointwise one, by itself, can be a lookup layer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import keras

from lcnn_train.convert.copying import copied_model, copy_weights
from lcnn_train.convert.selection import Choice, pointwise
from lcnn_train.keras_graph.copying import config_of, copied

_DEPTHWISE = ("kernel_size", "strides", "padding", "depth_multiplier", "data_format", "dilation_rate", "trainable",
              "dtype")  # fmt: skip


def separated(model: keras.Model, choices: Sequence[Choice]) -> tuple[keras.Model, list[Choice]]:
    """Copy a model with two layers in the place of each separable convolution that is to have lookups.

    The pointwise one keeps the layer's name. Returns the copy and the choices for its layers; the model itself, and its
    choices, where there is nothing to separate.
    """
    wanted = {choice.layer for choice in choices if choice.arguments is not None and _is_separable(choice.layer)}
    if not wanted:
        return model, list(choices)
    taken = {layer.name for layer in model._flatten_layers()}
    copies: dict[Any, tuple[Any, ...]] = {}

    def make(layer: Any) -> tuple[Any, ...]:
        new = (_depthwise(layer, taken), pointwise(layer)) if layer in wanted else (copied(layer),)
        copies[layer] = new
        return new

    result = copied_model(model, make)
    for old, new in copies.items():
        if old in wanted:
            new[0].kernel.assign(old.depthwise_kernel)
        else:
            copy_weights(old, *new)
    return result, [part for choice in choices for part in _parts(choice, copies[choice.layer])]


def _is_separable(layer: Any) -> bool:
    return type(layer) is keras.layers.SeparableConv2D


def _depthwise(layer: keras.layers.SeparableConv2D, taken: Collection[str]) -> keras.layers.DepthwiseConv2D:
    config, name = config_of(layer), f"{layer.name}_depthwise"
    while name in taken:
        name += "_"
    own = {f"depthwise_{key}": config[f"depthwise_{key}"] for key in ("initializer", "regularizer", "constraint")}
    return keras.layers.DepthwiseConv2D(**{key: config[key] for key in _DEPTHWISE}, **own, use_bias=False, name=name)


def _parts(choice: Choice, copies: tuple[Any, ...]) -> list[Choice]:
    """List the choices for the layers that stand in the place of one."""
    if len(copies) == 1:
        return [replace(choice, layer=copies[0])]
    depthwise, last = copies
    why = "; ".join(filter(None, ("the pointwise half of a separable convolution", choice.why)))
    return [
        Choice(depthwise, None, f"the depthwise half of {last.name}"),
        replace(choice, layer=last, why=why),
    ]
