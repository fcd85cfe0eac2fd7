"""ResNet 8 and 20 for small images such as CIFAR's (32x32), a dictionary size a stage, and their dense equivalents.

He et al. (2016, section 4.2): conv1 (3x3, 16 filters), three stages of 16, 32 and 64 filters, the mean of what is left,
a classifier. A stage has one block of two 3x3 convolutions, in ResNet-20 three; the first block of the second and third
halves the image. Shortcuts that change the shape are 1x1 convolutions; they and the classifier stay dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from lcnn_train.models.blocks import Blocks, classifier
from lcnn_train.models.network import Network, NetworkOptions, Rows
from lcnn_train.models.resnet import basic_block

REPEATS = {8: 1, 20: 3}
# The paper has no networks of this size, so these dictionaries are ours.
SMALL_RESNETS = {
    depth: Network(
        name=f"resnet{depth}",
        places=("conv1", "stage1", "stage2", "stage3"),
        filters=(16, 16, 32, 64),
        variants={"fast": (3, 8, 12, 16), "accurate": (3, 16, 32, 64), "dense": None},
        input_size=32,
        min_input_size=8,  # the last stage still has two pixels a side
        channels=3,
        classes=10,
        threshold=0.001,
        dropout=None,
    )
    for depth in REPEATS
}


def small_resnet(
    depth: int = 20, variant: str = "fast", dictionary: Rows | Sequence[Rows] | None = None, **options: Any
) -> keras.Model:
    """Build the network of depth 8 or 20: (input_size, input_size, channels) float32 to (classes,) probabilities.

    `options` are those of models.NetworkOptions; what it says of places is for conv1 and each of the three stages.
    Images are 32x32x3 unless it says so, and at least 8 pixels high. The layers of ResNet-8 have the names of the same
    layers of ResNet-20. Raises ValueError for what the network cannot be.
    """
    if depth not in REPEATS:
        raise ValueError(f"depth must be one of {', '.join(map(str, REPEATS))}. Received: depth={depth!r}")
    network = SMALL_RESNETS[depth]
    architecture = network.architecture(NetworkOptions(variant, dictionary, **options))
    blocks = Blocks(architecture.batch_norm_momentum)
    image = keras.Input(architecture.input_shape, name="image")
    x = blocks.norm_relu(
        blocks.conv(image, "conv1", architecture.filters[0], 3, 1, 1, architecture.lookups[0]), "conv1"
    )
    for stage, (filters, lookups) in enumerate(
        zip(architecture.filters[1:], architecture.lookups[1:], strict=True), start=1
    ):
        for number in range(1, REPEATS[depth] + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            x = basic_block(blocks, x, f"stage{stage}_block{number}", filters, stride, lookups)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    return classifier(image, x, "fc", architecture)
