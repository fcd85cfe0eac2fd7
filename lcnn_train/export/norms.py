"""Layers that normalize by the mean and variance of what they are given: layer, group and instance norm."""

from __future__ import annotations

from typing import Any

import numpy as np

from lcnn_train.errors import ExportError
from lcnn_train.export.builder import GraphBuilder, NodeBuilder
from lcnn_train.export.weighted import array, f32
from lcnn_train.keras_graph.graph import Call


def layer_norm(builder: GraphBuilder, call: Call) -> None:
    """Add a norm over the last axis; of others `rewritings.py` makes something else."""
    layer: Any = call.layer
    axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    if layer.rms_scaling or [axis % (len(call.output_shape) + 1) for axis in axes] != [len(call.output_shape)]:
        raise ExportError(
            f"layer {layer.name}: expected a norm over the last axis, over rows and columns or over a whole image, "
            f"axes 1, 2 and 3, without rms_scaling; found axis {layer.axis}"
        )
    _scaled(builder.add(call, "layer_norm", epsilon=float(layer.epsilon)), call)


def group_norm(builder: GraphBuilder, call: Call) -> None:
    """Add a norm over the image and groups of channels."""
    layer: Any = call.layer
    if len(call.output_shape) != 3 or layer.axis not in (-1, 3):
        raise ExportError(
            f"layer {layer.name}: expected groups of the channels of an image, axis -1, found axis {layer.axis} of "
            f"shape {call.output_shape}"
        )
    groups = call.output_shape[-1] if layer.groups == -1 else layer.groups
    _scaled(builder.add(call, "group_norm", epsilon=float(layer.epsilon), groups=int(groups)), call)


def _scaled(node: NodeBuilder, call: Call) -> None:
    channels = call.output_shape[-1]
    node.tensors = {
        "scale": f32(array(call.layer.gamma, np.ones(channels))),
        "shift": f32(array(call.layer.beta, np.zeros(channels))),
    }
