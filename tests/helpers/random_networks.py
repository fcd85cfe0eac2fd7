"""Networks of any operations in any order, by a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from lcnn_engine.errors import ModelFormatError
from lcnn_engine.model.graph import NODE_TYPES
from tests.helpers.kernel_cases import Network

NODES = 14

RANDOM_OPS: list[tuple[str, dict[str, Any]]] = [
    ("lookup_conv2d", {"filters": 6, "kernel_size": (3, 3), "padding": (1, 1, 1, 1), "activation": "relu"}),
    ("lookup_conv2d", {"filters": 5, "kernel_size": (2, 3), "padding": (0, 1, 2, 0), "strides": (2, 1)}),
    ("conv2d", {"filters": 6, "kernel_size": (3, 3), "padding": (1, 1, 1, 1), "activation": "silu"}),
    ("conv2d", {"filters": 4, "kernel_size": (3, 1), "dilation": (2, 1), "padding": (2, 2, 0, 0)}),
    ("max_pool2d", {"pool_size": (3, 3), "padding": (1, 1, 1, 1)}),
    ("avg_pool2d", {"pool_size": (2, 2), "strides": (2, 2), "padding": (0, 1, 0, 1)}),
    ("zero_pad2d", {"padding": (1, 0, 2, 0)}), ("global_avg_pool2d", {}), ("global_max_pool2d", {}), ("flatten", {}),
    ("dense", {"units": 6, "activation": "tanh"}), ("lookup_dense", {"units": 6}), ("batch_norm", {}), ("softmax", {}),
    ("activation", {"activation": "hard_silu"}), ("lrn", {"depth_radius": 1, "bias": 1.0, "alpha": 0.1, "beta": 0.75}),
    ("add", {}), ("add", {"activation": "relu6"}), ("multiply", {"activation": "sigmoid"}), ("concat", {}),
    ("subtract", {"activation": "gelu"}), ("divide", {}), ("maximum", {}), ("minimum", {"activation": "mish"}),
    ("constant", {"shape": (5,)}), ("prelu", {}), ("layer_norm", {"epsilon": 1.0}), ("channel_max", {}),
    ("group_norm", {"epsilon": 1.0, "groups": 2}), ("channel_mean", {}), ("log_softmax", {}),
    ("pad2d", {"padding": (1, 0, 0, 2), "mode": "symmetric"}), ("pad2d", {"padding": (0, 1, 1, 0), "value": 0.5}),
    ("crop2d", {"cropping": (0, 1, 1, 0)}), ("resize2d", {"size": (5, 7), "method": "bicubic"}),
    ("resize2d", {"size": (9, 4), "method": "nearest"}), ("depth_to_space", {"block_size": 2}),
    ("space_to_depth", {"block_size": 2}), ("take_channels", {"channels": 4}), ("permute", {"axes": (1, 2, 0)}),
    ("reshape", {"shape": (5, 2, 14)}), ("reshape", {"shape": (1, 1, 6)}), ("reshape", {"shape": (140,)}),
]  # fmt: skip


def random_network(rng: np.random.Generator) -> Network:
    """An image of 1 to 15 pixels a side and up to 6 channels, and NODES operations, each of any values before it."""
    size = tuple(int(n) for n in rng.integers(1, 16, 2))
    network = Network((*size, int(rng.integers(1, 7))), rng, k=int(rng.integers(0, 7)), density=0.4)
    for _ in range(300):
        op, attributes = RANDOM_OPS[rng.integers(len(RANDOM_OPS))]
        count = rng.integers(2, 4) if NODE_TYPES[op].many else NODE_TYPES[op].count
        inputs = [str(name) for name in rng.choice(list(network.shapes), count)]
        if op == "divide":
            inputs[1] = network.add_positive(inputs[1])
        if op == "constant":
            attributes = {"shape": tuple(map(int, network.shapes[str(rng.choice(list(network.shapes)))]))}
        try:
            network.add(op, *inputs, **attributes)
        except ModelFormatError:  # these inputs do not fit this operation
            continue
        if len(network.nodes) >= NODES:
            break
    assert len(network.nodes) >= NODES
    return network
