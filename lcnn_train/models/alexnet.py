"""AlexNet: LCNN's `fast` and `accurate` networks, their dense equivalent, and the paper's wider one (section 4.1).

Five convolutions of 64, 192, 384, 256 and 256 filters, 3x3 max pools after 1, 2 and 5, fc6 (a convolution as large as
its input, 6x6 at 224) and fc7 of 4096, dropout before each, batch norm after every layer but the classifier, which
stays dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from lcnn_train.models.blocks import Blocks, classifier
from lcnn_train.models.network import Network, NetworkOptions, Rows

# `accurate-paper` is the paper's own setting of the accurate network; `accurate` shrinks conv5's dictionary, which
# costs it no accuracy. `dense-wide` is the dense AlexNet from which the paper counts.
ALEXNET = Network(
    name="alexnet",
    places=("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"),
    filters=(64, 192, 384, 256, 256, 4096, 4096),
    variants={
        "fast": (3, 30, 30, 30, 30, 512, 512),
        "accurate": (3, 500, 500, 500, 30, 1024, 1024),
        "accurate-paper": (3, 500, 500, 500, 500, 1024, 1024),
        "dense": None,
        "dense-wide": None,
    },
    input_size=224,
    min_input_size=63,  # pool5 still has one pixel
    channels=3,
    classes=1000,
    threshold=0.01,
    dropout=0.5,
    filters_of={"dense-wide": (96, 256, 384, 384, 256, 4096, 4096)},
)


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


def alexnet(variant: str = "fast", dictionary: Rows | Sequence[Rows] | None = None, **options: Any) -> keras.Model:
    """Build the network: (input_size, input_size, channels) float32 to (classes,) probabilities.

    `options` are those of models.NetworkOptions. Images are 224x224x3 unless it says so, and at least 63 pixels high;
    fc6 is as large as what is left of them. Raises ValueError for what the network cannot be.
    """
    architecture = ALEXNET.architecture(NetworkOptions(variant, dictionary, **options))
    blocks = Blocks(architecture.batch_norm_momentum)
    *filters, fc6, fc7 = architecture.filters
    image = x = keras.Input(architecture.input_shape, name="image")
    for name, conv, n, lookups in zip(
        ALEXNET.places[:5], _CONVOLUTIONS, filters, architecture.lookups[:5], strict=True
    ):
        x = blocks.conv(x, name, n, conv.kernel, conv.stride, conv.padding, lookups)
        x = blocks.norm_relu(x, name)
        if conv.pool:
            x = layers.MaxPooling2D(3, 2, name=conv.pool)(x)
    x = layers.Dropout(architecture.dropout, name="fc6_dropout")(x)
    x = blocks.norm_relu(blocks.conv(x, "fc6", fc6, x.shape[1], lookups=architecture.lookups[5]), "fc6")
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(architecture.dropout, name="fc7_dropout")(x)
    x = blocks.norm_relu(blocks.dense(x, "fc7", fc7, architecture.lookups[6]), "fc7")
    return classifier(image, x, "fc8", architecture)
