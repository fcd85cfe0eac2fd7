"""ResNet 10, 18, 34 and 50 with a dictionary size a stage (LCNN, section 4.1), and their dense equivalents.

conv1 (7x7, 64 filters), a 3x3 max pool, four stages of 64, 128, 256 and 512 filters, the mean of what is left, a
classifier. A block is two 3x3 convolutions, in ResNet-50 a bottleneck of 1x1, 3x3 and 1x1 with four times the filters;
the first block of a stage halves the image in its 3x3 convolution. Shortcuts that change the shape are 1x1
convolutions; they and the classifier stay dense, and so does a layer whose dictionary cannot pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from lcnn_train.models.blocks import Blocks, classifier
from lcnn_train.models.network import Lookups, Network, NetworkOptions, Rows

BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
RESNETS = {
    depth: Network(
        name=f"resnet{depth}",
        places=("conv1", "stage1", "stage2", "stage3", "stage4"),
        filters=(64, 64, 128, 256, 512),
        variants={"fast": (3, 16, 32, 64, 128), "accurate": (3, 128, 256, 512, 1024), "dense": None},
        input_size=224,
        min_input_size=32,  # the last stage still has one pixel
        channels=3,
        classes=1000,
        threshold=0.001,
        dropout=None,
    )
    for depth in BLOCKS
}
_WIDENING = 4  # of a bottleneck


def resnet(
    depth: int = 18, variant: str = "fast", dictionary: Rows | Sequence[Rows] | None = None, **options: Any
) -> keras.Model:
    """Build the network of depth 10, 18, 34 or 50: (input_size, input_size, channels) float32 to (classes,)
    probabilities.

    `options` are those of models.NetworkOptions; what it says of places is for conv1 and each of the four stages.
    Images are 224x224x3 unless it says so, and at least 32 pixels high.

    Raises ValueError for what the network cannot be.
    """
    if depth not in BLOCKS:
        raise ValueError(f"depth must be one of {', '.join(map(str, BLOCKS))}. Received: depth={depth!r}")
    network = RESNETS[depth]
    architecture = network.architecture(NetworkOptions(variant, dictionary, **options))
    blocks = Blocks(architecture.batch_norm_momentum)
    block = _bottleneck if depth >= 50 else basic_block
    image = keras.Input(architecture.input_shape, name="image")
    x = blocks.norm_relu(
        blocks.conv(image, "conv1", architecture.filters[0], 7, 2, 3, architecture.lookups[0]), "conv1"
    )
    x = layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    stages = zip(architecture.filters[1:], BLOCKS[depth], architecture.lookups[1:], strict=True)
    for stage, (filters, repeats, lookups) in enumerate(stages, start=1):
        for number in range(1, repeats + 1):
            stride = 2 if stage > 1 and number == 1 else 1
            x = block(blocks, x, f"stage{stage}_block{number}", filters, stride, lookups)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    return classifier(image, x, "fc", architecture)


def basic_block(blocks: Blocks, x: Any, name: str, filters: int, stride: int, lookups: Lookups | None) -> Any:
    """Add two 3x3 convolutions, the first with the stride, and the block's input to what they make."""
    shortcut = _shortcut(blocks, x, name, filters, stride)
    x = blocks.norm_relu(blocks.conv(x, f"{name}_conv1", filters, 3, stride, 1, lookups), f"{name}_conv1")
    x = blocks.norm(blocks.conv(x, f"{name}_conv2", filters, 3, 1, 1, lookups), f"{name}_conv2")
    return _joined(x, shortcut, name)


def _bottleneck(blocks: Blocks, x: Any, name: str, filters: int, stride: int, lookups: Lookups | None) -> Any:
    shortcut = _shortcut(blocks, x, name, filters * _WIDENING, stride)
    x = blocks.norm_relu(blocks.conv(x, f"{name}_conv1", filters, 1, lookups=lookups), f"{name}_conv1")
    x = blocks.norm_relu(blocks.conv(x, f"{name}_conv2", filters, 3, stride, 1, lookups), f"{name}_conv2")
    x = blocks.norm(blocks.conv(x, f"{name}_conv3", filters * _WIDENING, 1, lookups=lookups), f"{name}_conv3")
    return _joined(x, shortcut, name)


def _shortcut(blocks: Blocks, x: Any, name: str, filters: int, stride: int) -> Any:
    """The block's input, made to fit its output by a dense 1x1 convolution where it does not."""
    if stride == 1 and x.shape[-1] == filters:
        return x
    return blocks.norm(blocks.conv(x, f"{name}_shortcut", filters, 1, stride), f"{name}_shortcut")


def _joined(x: Any, shortcut: Any, name: str) -> Any:
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_sum")([x, shortcut]))
