"""AlexNet: LCNN's `fast` and `accurate` networks, their dense twin, and the paper's wider dense one (section 4.1).

Five convolutions of 64, 192, 384, 256 and 256 filters, 3x3 max pools after 1, 2 and 5, fc6 (a convolution as large as
its input, 6x6 at 224) and fc7 of 4096, dropout before each, batch norm after every layer but the classifier, which
stays dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers

from lcnn_train.models.blocks import Blocks, classifier
from lcnn_train.models.network import Network

# `accurate-paper` is the paper's own setting of the accurate network; `accurate` shrinks conv5's dictionary, which
# costs it no accuracy. `dense-wide` is the dense AlexNet from which the paper counts.
ALEXNET = Network(
    name="alexnet",
    places=("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"),
    variants={
        "fast": (3, 30, 30, 30, 30, 512, 512),
        "accurate": (3, 500, 500, 500, 30, 1024, 1024),
        "accurate-paper": (3, 500, 500, 500, 500, 1024, 1024),
        "dense": None,
        "dense-wide": None,
    },
    input_size=224,
    smallest_input=63,  # pool5 still has one pixel
    threshold=0.01,
    dropout=0.5,
)
_FILTERS = (64, 192, 384, 256, 256)
_WIDE_FILTERS = (96, 256, 384, 384, 256)
_UNITS = 4096


@dataclass(frozen=True)
class _Conv:
    kernel: int
    stride: int
    padding: int
    pool: str | None = None


_CONVOLUTIONS = (
    _Conv(11, 4, 2, pool="pool1"),
    _Conv(5, 1, 2, pool="pool2"),
    _Conv(3, 1, 1),
    _Conv(3, 1, 1),
    _Conv(3, 1, 1, pool="pool5"),
)


def alexnet(
    variant: str = "fast",
    dictionary: int | Sequence[int] | None = None,
    input_size: int = ALEXNET.input_size,
    channels: int = 3,
    classes: int = 1000,
    l1: float = 0.3,
    threshold: float = ALEXNET.threshold,
    dropout: float = 0.5,
    batch_norm_momentum: float = 0.9,
) -> keras.Model:
    """Build the network; input (input_size, input_size, channels) float32, output (classes,) probabilities.

    Args:
        variant: a key of ALEXNET.variants.
        dictionary: k of the lookup layers instead of the variant's: one for all, or one for each of
            ALEXNET.places. A layer whose dictionary cannot pay (k >= n*kh*kw) is dense.
        input_size: height and width, at least 63; fc6 is as large as what is left of the picture before it.
        channels, classes: of the pictures and the labels; any number of at least 1.
        l1, threshold: lambda' and c of every lookup layer.
        dropout: rate before fc6 and fc7.
        batch_norm_momentum: of every batch norm.

    Raises ValueError for a variant that there is not, for dictionaries that do not fit and for smaller pictures.
    """
    sizes = ALEXNET.dictionaries(variant, dictionary)
    ALEXNET.check_input_size(input_size)
    blocks = Blocks(l1, threshold, batch_norm_momentum)
    filters = _WIDE_FILTERS if variant == "dense-wide" else _FILTERS
    image = x = keras.Input((input_size, input_size, channels), name="image")
    for name, conv, n, k in zip(ALEXNET.places[:5], _CONVOLUTIONS, filters, sizes[:5], strict=True):
        x = blocks.conv(x, name, n, conv.kernel, conv.stride, conv.padding, k)
        x = blocks.norm_relu(x, name)
        if conv.pool:
            x = layers.MaxPooling2D(3, 2, name=conv.pool)(x)
    x = layers.Dropout(dropout, name="fc6_dropout")(x)
    x = blocks.norm_relu(blocks.conv(x, "fc6", _UNITS, x.shape[1], dictionary=sizes[5]), "fc6")
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="fc7_dropout")(x)
    x = blocks.norm_relu(blocks.dense(x, "fc7", _UNITS, sizes[6]), "fc7")
    return classifier(image, x, "fc8", classes, ALEXNET.title(variant))
