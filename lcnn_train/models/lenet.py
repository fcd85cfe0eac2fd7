"""A LeNet-sized network for small images such as MNIST's (28x28), and its dense equivalent.

Two 5x5 convolutions of 20 and 50 filters, each followed by a 2x2 max pool, fc1 (a convolution as large as its input,
4x4 at 28) of 500, and a dense classifier; batch norm and ReLU after every layer but the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from lcnn_train.models.blocks import Blocks, classifier
from lcnn_train.models.network import Network, NetworkOptions, Rows

# The paper has no network of this size, so these dictionaries are ours.
LENET = Network(
    name="lenet",
    places=("conv1", "conv2", "fc1"),
    filters=(20, 50, 500),
    variants={"fast": (3, 8, 16), "accurate": (3, 32, 64), "dense": None},
    input_size=28,
    min_input_size=16,  # pool2 still has one pixel
    channels=1,
    classes=10,
    threshold=0.01,
    dropout=0.0,
)


def lenet(variant: str = "fast", dictionary: Rows | Sequence[Rows] | None = None, **options: Any) -> keras.Model:
    """Build the network: (input_size, input_size, channels) float32 to (classes,) probabilities.

    `options` are those of models.NetworkOptions. Images are 28x28x1 unless it says so, and at least 16 pixels high.
    Raises ValueError for what the network cannot be.
    """
    architecture = LENET.architecture(NetworkOptions(variant, dictionary, **options))
    blocks = Blocks(architecture.batch_norm_momentum)
    image = x = keras.Input(architecture.input_shape, name="image")
    for number in (1, 2):
        name, n, lookups = f"conv{number}", architecture.filters[number - 1], architecture.lookups[number - 1]
        x = blocks.norm_relu(blocks.conv(x, name, n, 5, lookups=lookups), name)
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    x = blocks.norm_relu(
        blocks.conv(x, "fc1", architecture.filters[2], x.shape[1], lookups=architecture.lookups[2]), "fc1"
    )
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(architecture.dropout, name="fc2_dropout")(x)
    return classifier(image, x, "fc2", architecture)
