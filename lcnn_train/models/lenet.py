"""A LeNet-sized network for small pictures such as MNIST's (28x28), and its dense twin.

Two 5x5 convolutions of 20 and 50 filters, each followed by a 2x2 max pool, fc1 (a convolution as large as its input,
4x4 at 28) of 500, and a dense classifier; batch norm and ReLU after every layer but the last.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from lcnn_train.models.blocks import Blocks, classifier
from lcnn_train.models.network import Network

# The paper has no network of this size, so these dictionaries are ours.
LENET = Network(
    name="lenet",
    places=("conv1", "conv2", "fc1"),
    variants={"fast": (3, 8, 16), "accurate": (3, 32, 64), "dense": None},
    input_size=28,
    smallest_input=16,  # pool2 still has one pixel
    threshold=0.01,
    dropout=0.0,
)


def lenet(
    variant: str = "fast",
    dictionary: int | Sequence[int] | None = None,
    input_size: int = LENET.input_size,
    channels: int = 1,
    classes: int = 10,
    l1: float = 0.3,
    threshold: float = LENET.threshold,
    dropout: float = 0.0,
    batch_norm_momentum: float = 0.9,
) -> keras.Model:
    """Build the network; input (input_size, input_size, channels) float32, output (classes,) probabilities.

    Args:
        variant: a key of LENET.variants.
        dictionary: k of the lookup layers instead of the variant's: one for all, or one for each of
            LENET.places. A layer whose dictionary cannot pay (k >= n*kh*kw) is dense.
        input_size: height and width, at least 16.
        channels, classes: of the pictures and the labels; any number of at least 1.
        l1, threshold: lambda' and c of every lookup layer.
        dropout: rate before the classifier.
        batch_norm_momentum: of every batch norm.

    Raises ValueError for a variant that there is not, for dictionaries that do not fit and for smaller pictures.
    """
    sizes = LENET.dictionaries(variant, dictionary)
    LENET.check_input_size(input_size)
    blocks = Blocks(l1, threshold, batch_norm_momentum)
    image = x = keras.Input((input_size, input_size, channels), name="image")
    for number, (filters, k) in enumerate(zip((20, 50), sizes[:2], strict=True), start=1):
        x = blocks.norm_relu(blocks.conv(x, f"conv{number}", filters, 5, dictionary=k), f"conv{number}")
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    x = blocks.norm_relu(blocks.conv(x, "fc1", 500, x.shape[1], dictionary=sizes[2]), "fc1")
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="fc2_dropout")(x)
    return classifier(image, x, "fc2", classes, LENET.title(variant))
