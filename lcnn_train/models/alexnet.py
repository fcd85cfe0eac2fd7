"""AlexNet at 224x224: LCNN's `fast` and `accurate` networks and their dense twin (LCNN, section 4.1).

Five convolutions of 64, 192, 384, 256 and 256 filters, 3x3 max pools after 1, 2 and 5, fc6 (a 6x6 convolution) and
fc7 of 4096, dropout before each, batch norm after every layer but the classifier, which stays dense.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from lcnn_train.layers import LookupConv2D, LookupDense

INPUT_SIZE = 224

# Dictionary sizes of conv1 .. conv5, fc6, fc7; None is the dense twin. `accurate-paper` is the paper's own setting
# of the accurate network; `accurate` shrinks conv5's dictionary, which costs it no accuracy.
VARIANTS: dict[str, tuple[int, ...] | None] = {
    "fast": (3, 30, 30, 30, 30, 512, 512),
    "accurate": (3, 500, 500, 500, 30, 1024, 1024),
    "accurate-paper": (3, 500, 500, 500, 500, 1024, 1024),
    "dense": None,
}


@dataclass(frozen=True)
class _Conv:
    name: str
    filters: int
    kernel: int
    stride: int
    padding: int
    pool: str | None = None
    dropout: bool = False


_CONVOLUTIONS = (
    _Conv("conv1", 64, 11, 4, 2, pool="pool1"),
    _Conv("conv2", 192, 5, 1, 2, pool="pool2"),
    _Conv("conv3", 384, 3, 1, 1),
    _Conv("conv4", 256, 3, 1, 1),
    _Conv("conv5", 256, 3, 1, 1, pool="pool5"),
    _Conv("fc6", 4096, 6, 1, 0, dropout=True),
)
_FC7_UNITS = 4096


def alexnet(
    variant: str = "fast",
    channels: int = 3,
    classes: int = 1000,
    l1: float = 0.3,
    threshold: float = 0.01,
    dropout: float = 0.5,
    batch_norm_momentum: float = 0.9,
) -> keras.Model:
    """Build the network; input (224, 224, channels) float32, output (classes,) probabilities.

    Args:
        variant: a key of VARIANTS.
        channels, classes: of the pictures and the labels; any number of at least 1.
        l1, threshold: lambda' and c of every lookup layer.
        dropout: rate before fc6 and fc7.
        batch_norm_momentum: of every batch norm.

    Raises ValueError for a variant that there is not.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}. Received: variant={variant!r}")
    sizes = VARIANTS[variant]
    lookup: dict[str, Any] = {"l1": l1, "threshold": threshold}
    image = x = keras.Input((INPUT_SIZE, INPUT_SIZE, channels), name="image")
    for index, conv in enumerate(_CONVOLUTIONS):
        if conv.dropout:
            x = layers.Dropout(dropout, name=f"{conv.name}_dropout")(x)
        x = _convolution(x, conv, None if sizes is None else sizes[index], lookup)
        x = _norm_relu(x, conv.name, batch_norm_momentum)
        if conv.pool:
            x = layers.MaxPooling2D(3, 2, name=conv.pool)(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="fc7_dropout")(x)
    if sizes is None:
        x = layers.Dense(_FC7_UNITS, use_bias=False, name="fc7")(x)
    else:
        x = LookupDense(_FC7_UNITS, sizes[-1], use_bias=False, name="fc7", **lookup)(x)
    x = _norm_relu(x, "fc7", batch_norm_momentum)
    x = layers.Dense(classes, name="fc8")(x)
    return keras.Model(image, layers.Softmax(name="probabilities")(x), name=f"alexnet-{_title(variant)}")


def _title(variant: str) -> str:
    return variant if variant == "dense" else f"lcnn-{variant}"


def _convolution(x: Any, conv: _Conv, dictionary: int | None, lookup: dict[str, Any]) -> Any:
    """One convolution without a bias, for the batch norm after it has one."""
    if dictionary is not None:
        return LookupConv2D(
            conv.filters,
            conv.kernel,
            dictionary,
            strides=conv.stride,
            padding=(conv.padding,) * 4,
            use_bias=False,
            name=conv.name,
            **lookup,
        )(x)
    if conv.padding:
        x = layers.ZeroPadding2D(conv.padding, name=f"{conv.name}_pad")(x)
    return layers.Conv2D(conv.filters, conv.kernel, strides=conv.stride, use_bias=False, name=conv.name)(x)


def _norm_relu(x: Any, name: str, momentum: float) -> Any:
    x = layers.BatchNormalization(momentum=momentum, epsilon=1e-3, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
