"""A small network that knows the digits of tests/data, and these as class folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np

from lcnn_train.data import idx
from tests.helpers.training import DATA, SMALL


def trained(logits: bool = False) -> keras.Model:
    """Train for seconds, on images from 0 to 1."""
    keras.utils.set_random_seed(1)
    digits = idx.read_folder(SMALL, "train")
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(6, 5, strides=3, activation="relu", name="conv1"),
            keras.layers.Conv2D(12, 3, strides=2, activation="relu", name="conv2"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(24, activation="relu", name="fc1"),
            keras.layers.Dense(10, activation=None if logits else "softmax", name="fc2"),
        ],
        name="digits",
    )
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=logits))
    model.fit(digits.images[..., None].astype(np.float32) / 255, digits.labels, 40, epochs=12, verbose=0)
    return model


def class_folders(folder: Path, classes: str = "0123456789") -> Path:
    """Copy the digits of some classes, the digit at the end of a file's name, into a folder for each."""
    for file in sorted((DATA / "digits").glob(f"*[{classes}].png")):
        own = folder / file.stem[-1]
        own.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, own)
    return folder
