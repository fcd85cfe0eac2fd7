"""Lowering: which kernels compute a node, with what geometry. One function an operation, one file a subject.

``LOWERINGS`` is the table of them. Nothing here packs a weight, places a buffer or calls a kernel.
"""

from __future__ import annotations

from collections.abc import Callable

from ..fusion import FusedNode
from ..lowering import Lowering
from .channels import lower_channel_pool, lower_lrn, lower_norm, lower_softmax
from .convolutions import lower_conv
from .dense import lower_dense
from .elementwise import (
    lower_combine,
    lower_concat,
    lower_constant,
    lower_flatten,
    lower_pointwise,
    lower_prelu,
    lower_zero_pad2d,
)
from .geometry import (
    lower_crop2d,
    lower_depth_to_space,
    lower_pad2d,
    lower_permute,
    lower_reshape,
    lower_resize2d,
    lower_space_to_depth,
    lower_take_channels,
)
from .lookups import lower_lookup_conv, lower_lookup_dense
from .pool import lower_global_pool, lower_pool

LOWERINGS: dict[str, Callable[[Lowering, FusedNode], None]] = {
    "lookup_conv2d": lower_lookup_conv,
    "lookup_dense": lower_lookup_dense,
    "conv2d": lower_conv,
    "dense": lower_dense,
    "max_pool2d": lower_pool,
    "avg_pool2d": lower_pool,
    "zero_pad2d": lower_zero_pad2d,
    "global_avg_pool2d": lower_global_pool,
    "global_max_pool2d": lower_global_pool,
    "flatten": lower_flatten,
    "softmax": lower_softmax,
    "log_softmax": lower_softmax,
    "activation": lower_pointwise,
    "add": lower_combine,
    "multiply": lower_combine,
    "subtract": lower_combine,
    "divide": lower_combine,
    "maximum": lower_combine,
    "minimum": lower_combine,
    "constant": lower_constant,
    "concat": lower_concat,
    "batch_norm": lower_pointwise,
    "prelu": lower_prelu,
    "layer_norm": lower_norm,
    "group_norm": lower_norm,
    "lrn": lower_lrn,
    "channel_max": lower_channel_pool,
    "channel_mean": lower_channel_pool,
    "pad2d": lower_pad2d,
    "crop2d": lower_crop2d,
    "resize2d": lower_resize2d,
    "depth_to_space": lower_depth_to_space,
    "space_to_depth": lower_space_to_depth,
    "take_channels": lower_take_channels,
    "reshape": lower_reshape,
    "permute": lower_permute,
}

WITH_POOL: dict[str, Callable[[Lowering, FusedNode, FusedNode], None]] = {
    "lookup_conv2d": lower_lookup_conv,
    "conv2d": lower_conv,
}
"""Those that take the pool behind them, too."""
