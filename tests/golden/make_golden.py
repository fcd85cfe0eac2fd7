"""Write ``every_operation.safetensors``: one node of every operation, and numbers that any program can make again.

    python -m tests.golden.make_golden

A change of its bytes is a change of the format, or of how we write it: both belong in the changelog.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lcnn_engine import write_model

PATH = Path(__file__).parent / "every_operation.safetensors"


def graph() -> dict[str, Any]:
    """(8, 8, 3) -> two classes, by way of every operation, with every attribute at another value than its default."""
    window = {"kernel_size": [3, 2], "strides": [2, 1], "padding": [1, 0, 2, 1], "dilation": [1, 2]}
    pool = {"pool_size": [2, 3], "strides": [1, 2], "padding": [0, 1, 1, 0]}
    return {
        "name": "every operation \u2713",
        "input": {"name": "image", "shape": [8, 8, 3]},
        "output": "probabilities",
        "labels": ["zero", 'a "quoted" \\ one'],
        "preprocessing": {
            "mode": "RGB",
            "resize": {"policy": "exact", "size": [9, 10], "resample": "lanczos"},
            "crop": "center",
            "scale": 0.00392156862745098,
            "mean": [0.5, 0.25, 0.125],
            "std": [1, 2, 0.5],
        },
        "nodes": [
            {"name": "lookup", "op": "lookup_conv2d", "inputs": ["image"], "filters": 4, **window,
             "activation": "relu"},
            {"name": "dense/conv", "op": "conv2d", "inputs": ["lookup"], "filters": 4, **window, "groups": 2,
             "activation": "leaky_relu", "alpha": 0.2},
            {"name": "max", "op": "max_pool2d", "inputs": ["lookup"], **pool},
            {"name": "average", "op": "avg_pool2d", "inputs": ["lookup"], **pool},
            {"name": "sum", "op": "add", "inputs": ["max", "average"], "activation": "silu"},
            {"name": "mean", "op": "global_avg_pool2d", "inputs": ["sum"]},
            {"name": "most", "op": "global_max_pool2d", "inputs": ["sum"]},
            {"name": "gate", "op": "activation", "inputs": ["mean"], "activation": "hard_sigmoid"},
            {"name": "product", "op": "multiply", "inputs": ["sum", "gate"], "activation": "tanh"},
            {"name": "both", "op": "concat", "inputs": ["product", "sum"]},
            {"name": "padded", "op": "zero_pad2d", "inputs": ["both"], "padding": [1, 2, 3, 4]},
            {"name": "scaled", "op": "batch_norm", "inputs": ["padded"]},
            {"name": "normal", "op": "lrn", "inputs": ["scaled"], "depth_radius": 2, "bias": 1, "alpha": 0.0001,
             "beta": 0.75},
            {"name": "held", "op": "constant", "inputs": [], "shape": [4, 4, 1]},
            {"name": "difference", "op": "subtract", "inputs": ["sum", "held"], "activation": "gelu"},
            {"name": "ratio", "op": "divide", "inputs": ["gate", "sum"], "activation": "elu", "alpha": 0.5},
            {"name": "greater", "op": "maximum", "inputs": ["difference", "sum", "gate"], "activation": "mish"},
            {"name": "less", "op": "minimum", "inputs": ["greater", "ratio"], "activation": "softplus"},
            {"name": "sloped", "op": "prelu", "inputs": ["less"]},
            {"name": "by pixel", "op": "layer_norm", "inputs": ["sloped"], "epsilon": 0.001},
            {"name": "by group", "op": "group_norm", "inputs": ["by pixel"], "epsilon": 1e-05, "groups": 2},
            {"name": "brightest", "op": "channel_max", "inputs": ["by group"]},
            {"name": "level", "op": "channel_mean", "inputs": ["by group"]},
            {"name": "flat", "op": "flatten", "inputs": ["normal"]},
            {"name": "vector", "op": "lookup_dense", "inputs": ["flat"], "units": 3, "activation": "hard_silu"},
            {"name": "logits", "op": "dense", "inputs": ["vector"], "units": 2, "activation": "relu6"},
            {"name": "log probabilities", "op": "log_softmax", "inputs": ["logits"]},
            {"name": "probabilities", "op": "softmax", "inputs": ["logits"]},
            {"name": "framed", "op": "pad2d", "inputs": ["sum"], "padding": [1, 0, 2, 3], "value": -1},
            {"name": "mirrored", "op": "pad2d", "inputs": ["sum"], "padding": [1, 0, 2, 3], "mode": "symmetric"},
            {"name": "cropped", "op": "crop2d", "inputs": ["sum"], "cropping": [1, 0, 0, 2]},
            {"name": "picked", "op": "resize2d", "inputs": ["sum"], "size": [6, 3], "method": "nearest",
             "coordinates": "asymmetric", "rounding": "ceil"},
            {"name": "resized", "op": "resize2d", "inputs": ["sum"], "size": [6, 3], "method": "bicubic",
             "coordinates": "align_corners", "cubic_coefficient": -0.75, "edges": "exclude"},
            {"name": "shuffled", "op": "depth_to_space", "inputs": ["sum"], "block_size": 2},
            {"name": "unshuffled", "op": "space_to_depth", "inputs": ["shuffled"], "block_size": 4},
            {"name": "taken", "op": "take_channels", "inputs": ["sum"], "channels": 3},
            {"name": "turned", "op": "permute", "inputs": ["taken"], "axes": [2, 0, 1]},
            {"name": "reshaped", "op": "reshape", "inputs": ["turned"], "shape": [2, 6, 4]},
        ],
    }  # fmt: skip


def tensors(flat: int) -> dict[str, np.ndarray]:
    """Tensors of all three dtypes; ``flat``: length of the flattened image."""

    def ramp(*shape: int, dtype: type = np.float32) -> np.ndarray:
        return ((np.arange(np.prod(shape)) % 17 - 8) / 8).reshape(shape).astype(dtype)

    return {
        "lookup/dictionary": ramp(2, 3, dtype=np.float16),
        "lookup/indptr": np.array([0, 3, 3, 4, 6], np.int32),
        "lookup/indices": np.array([0, 5, 11, 7, 1, 2], np.int32),
        "lookup/coefficients": ramp(6),
        "lookup/bias": ramp(4),
        "dense/conv/kernel": ramp(4, 2, 3, 2),
        "scaled/scale": ramp(8),
        "scaled/shift": ramp(8, dtype=np.float16),
        "held/value": ramp(4, 4, 1),
        "sloped/slope": ramp(4),
        "by pixel/scale": ramp(4),
        "by pixel/shift": ramp(4),
        "by group/scale": ramp(4, dtype=np.float16),
        "by group/shift": ramp(4),
        "vector/indptr": np.array([0, 1, 2, 4], np.int32),
        "vector/indices": np.array([flat - 1, 0, 1, 2], np.int32),
        "vector/coefficients": ramp(4, dtype=np.float16),
        "logits/kernel": ramp(2, 3),
        "taken/indices": np.array([3, 0, 0], np.int32),
        "logits/bias": np.array([1.5, 0.25], np.float32),
    }


FLAT = 7 * 11 * 8  # of `padded`: 4 x 4 x 8 and its padding


def main() -> None:
    write_model(graph(), tensors(FLAT), PATH)
    print(f"{PATH}: {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
