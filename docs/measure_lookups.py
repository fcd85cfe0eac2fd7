"""Accuracy against lookups: a dense network on MNIST, turned into lookups of several kinds, before and after tuning.

python docs/measure_lookups.py FOLDER    # MNIST's IDX files; about fifteen minutes on one core

Prints the tables of docs/training.md. Every row of the first is one conversion of the same trained network, tuned
alike; those of the second are trained from noise, without a batch norm after each layer and with one. Nothing is chosen
by what it measures.
"""

from __future__ import annotations

import sys
from typing import Any

import keras
import numpy as np
from keras import layers

from lcnn_train import lookup_model
from lcnn_train.data import idx
from lcnn_train.layers import sparsity

DENSE_EPOCHS, TUNING_EPOCHS, BATCH = 8, 3, 64
CONVERSIONS: dict[str, dict[str, Any]] = {
    "k = m in the convolutions": {"dictionary": {"conv1": 1, "conv2": 32, "conv3": 64}},
    "k = 16": {"dictionary": 16},
    "k = 16, threshold 0.01, l1 = 3": {"dictionary": 16, "threshold": 0.01, "l1": 3},
    "k = 32, 8 lookups a tap": {"dictionary": 32, "lookups_per_tap": 8},
    "k = 32, 4 a tap": {"dictionary": 32, "lookups_per_tap": 4},
    "k = 32, 2 a tap": {"dictionary": 32, "lookups_per_tap": 2},
    "k = 32, 1 a tap": {"dictionary": 32, "lookups_per_tap": 1},
    "k = 32, 4 a tap, groups of 4": {"dictionary": 32, "lookups_per_tap": 4, "groups_of": 4},
    "no dictionary, 8 a tap": {"dictionary": None, "lookups_per_tap": 8},
}
FROM_NOISE: dict[str, dict[str, Any]] = {
    "k = 32": {"dictionary": 32},
    "k = 32, 4 lookups a tap": {"dictionary": 32, "lookups_per_tap": 4},
    "k = 32, 1 a tap": {"dictionary": 32, "lookups_per_tap": 1},
}


def dense_network(norms: bool = False) -> keras.Model:
    """`norms`: with a batch norm between each layer and its ReLU."""

    def active(layer: type[layers.Layer], *arguments: Any, **settings: Any) -> list[layers.Layer]:
        norm = [layers.BatchNormalization(momentum=0.9)] if norms else []
        return [layer(*arguments, use_bias=not norms, **settings), *norm, layers.ReLU()]

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *active(layers.Conv2D, 32, 5, padding="same", name="conv1"),
            layers.MaxPooling2D(),
            *active(layers.Conv2D, 64, 5, padding="same", name="conv2"),
            layers.MaxPooling2D(),
            *active(layers.Conv2D, 64, 3, padding="same", name="conv3"),
            layers.Flatten(),
            *active(layers.Dense, 256, name="fc1"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax", name="fc2"),
        ]
    )


def arrays(folder: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    split = idx.load("mnist", part, folder)
    return split.images[..., None].astype(np.float32) / 255, split.labels.astype(np.int64)


def fit(model: keras.Model, data: tuple[np.ndarray, np.ndarray], rate: float, epochs: int) -> None:
    keras.utils.set_random_seed(1)
    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * (len(data[0]) // BATCH))
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9, clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    model.fit(*data, batch_size=BATCH, epochs=epochs, verbose=0)


def accuracy(model: keras.Model, data: tuple[np.ndarray, np.ndarray]) -> float:
    return float((model.predict(data[0], batch_size=250, verbose=0).argmax(axis=1) == data[1]).mean())


def row(title: str, model: keras.Model, train: Any, test: Any) -> str:
    """A line of a table: lookups and accuracy of the start, and after tuning."""
    before = lookups(model), accuracy(model, test)
    fit(model, train, rate=0.01, epochs=TUNING_EPOCHS)
    return f"| {title} | {before[0]:,} | {before[1]:.1%} | {lookups(model):,} | {accuracy(model, test):.1%} |"


def row_from_noise(title: str, options: dict[str, Any], train: Any, test: Any) -> str:
    """A line of a table: lookups and accuracy of the network without norms and with them, after as many epochs."""
    cells = []
    for norms in (False, True):
        keras.utils.set_random_seed(1)
        model = lookup_model(dense_network(norms), from_weights=False, **options)
        fit(model, train, rate=0.01, epochs=TUNING_EPOCHS)
        cells += [f"{lookups(model):,}", f"{accuracy(model, test):.1%}"]
    return f"| {title} | {' | '.join(cells)} |"


def lookups(model: keras.Model) -> int:
    return sum(sparsity.lookups(layer) for layer in sparsity.lookup_layers(model))


def main(folder: str) -> None:
    train, test = arrays(folder, "train"), arrays(folder, "test")
    keras.utils.set_random_seed(1)
    dense = dense_network()
    fit(dense, train, rate=0.05, epochs=DENSE_EPOCHS)
    print(f"{len(train[0]):,} digits to train on, {len(test[0]):,} to test; dense {accuracy(dense, test):.1%}")
    print("\n| | lookups | accuracy | lookups, tuned | accuracy, tuned |\n| --- | ---: | ---: | ---: | ---: |")
    for title, options in CONVERSIONS.items():
        print(row(title, lookup_model(dense, **options), train, test), flush=True)
    print("\n| from noise | lookups | accuracy | with norms: lookups | accuracy |\n| --- | ---: | ---: | ---: | ---: |")
    for title, options in FROM_NOISE.items():
        print(row_from_noise(title, options, train, test), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
