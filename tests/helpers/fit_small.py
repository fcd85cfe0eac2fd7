"""Run `lcnn-train` with a small network in AlexNet's place, for tests of what is around the network.

python fit_small.py ARGUMENTS...
"""

import sys

import lcnn_train.training.fit  # isort: skip - before Keras, for it silences TensorFlow's first lines

import keras
from keras import layers

from lcnn_train import LookupConv2D, LookupDense
from lcnn_train.cli import main
from lcnn_train.config.experiment import Config


def small(config: Config) -> keras.Model:
    settings = {"l1": config.model.l1, "threshold": 0.05}
    return keras.Sequential(
        [
            keras.Input(config.model.input_shape, name="image"),
            LookupConv2D(8, 9, 3, strides=8, use_bias=False, name="conv", **settings),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.MaxPooling2D(3, 2, name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="dropout"),
            LookupDense(32, 8, activation="relu", name="hidden", **settings),
            layers.Dense(config.model.classes, activation="softmax", name="classes"),
        ],
        name="small",
    )


if __name__ == "__main__":
    lcnn_train.training.fit.build_model = small
    sys.exit(main(sys.argv[1:]))
