"""A small network in the middle of a training, and a batch for its steps."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from lcnn_train import LookupDense
from lcnn_train.config.training import Train
from lcnn_train.training.distribute import Replicas
from lcnn_train.training.state import TrainingState

RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 6)).astype(np.float32)
Y = RNG.integers(0, 4, 12)
BATCH = (tf.constant(X), tf.constant(Y))


def network():
    keras.utils.set_random_seed(5)
    return keras.Sequential(
        [
            keras.Input((6,)),
            LookupDense(8, 5, l1=1.0, threshold=0.2, activation="relu", name="lookup"),
            layers.Dense(4, activation="softmax", name="classes"),
        ]
    )


def state(model=None, teacher=None, **settings):
    settings = {"learning_rate": {"schedule": "constant", "initial": 0.1}, "batch_size": 12} | settings
    return TrainingState(
        model or network(), Train.model_validate(settings), Replicas(tf.distribute.get_strategy()), 12, 10, teacher
    )


def weights(model):
    return [np.asarray(w) for w in model.get_weights()]
