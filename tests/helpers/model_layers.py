"""The layers of a model that tests ask about, and their shapes as one text."""

from __future__ import annotations

import keras

from lcnn_train import LookupConv2D, LookupDense


def shapes(text):
    """Names and shapes in turn, as {"conv1": (55, 55, 64), ...}."""
    words = text.split()
    return {name: tuple(map(int, size.split("x"))) for name, size in zip(words[::2], words[1::2], strict=True)}


def is_lookup(layer):
    return isinstance(layer, LookupConv2D | LookupDense)


def weighted_layers(model):
    kinds = (LookupConv2D, LookupDense, keras.layers.Conv2D, keras.layers.Dense)
    return [layer for layer in model.layers if isinstance(layer, kinds)]
