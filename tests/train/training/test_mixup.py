"""Mixup: blends are what they are said to be, drawn by seed and step, and in the loss of a step."""

import keras
import numpy as np
import tensorflow as tf

from lcnn_train.training.mixup import Mixup
from tests.helpers.steps import BATCH, state

X = np.random.default_rng(3).normal(size=(2000, 2, 3)).astype(np.float32)
Y = np.arange(2000)


def test_images_are_blended_with_those_from_the_other_end():
    mixed = Mixup(0.4, 7)(X, Y, 5)
    share = mixed.share.numpy()
    np.testing.assert_allclose(mixed.x, share[:, None, None] * X + (1 - share[:, None, None]) * X[::-1], atol=1e-5)
    np.testing.assert_array_equal(mixed.others, Y[::-1])
    np.testing.assert_allclose(mixed.blend(tf.ones(2000), tf.zeros(2000)), share, atol=1e-6)


def test_shares_are_of_the_beta_distribution():
    """Its mean is 1/2, and its variance 1 / (4 (2 alpha + 1))."""
    for alpha in (0.2, 1.0, 4.0):
        share = Mixup(alpha, 7)(X, Y, 5).share.numpy()
        assert 0 <= share.min() < share.max() <= 1
        assert abs(share.mean() - 0.5) < 0.04
        assert abs(share.var() * 4 * (2 * alpha + 1) - 1) < 0.1


def test_the_same_step_draws_the_same_and_others_do_not():
    first = Mixup(0.4, 7)(X, Y, 5).share.numpy()
    np.testing.assert_array_equal(Mixup(0.4, 7)(X, Y, 5).share, first)
    for seed, step in ((7, 6), (8, 5)):
        assert (Mixup(0.4, seed)(X, Y, step).share.numpy() != first).mean() > 0.9


def test_a_step_minimizes_the_loss_of_both_labels():
    """One step of plain SGD against the gradient of the definition."""
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, activation="softmax")])
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    plain = {"name": "sgd", "momentum": 0.0}
    ours = state(model, mixup=0.5, optimizer=plain, learning_rate={"schedule": "constant", "initial": 0.1})
    x, y = BATCH
    mixed = Mixup(0.5, 1)(x, y, 0)
    with tf.GradientTape() as tape:
        logs = tf.math.log(twin(mixed.x, training=True))
        share = tf.cast(mixed.share, logs.dtype)
        own, other = (tf.gather(logs, labels, batch_dims=1) for labels in (y, mixed.others))
        loss = -tf.reduce_mean(share * own + (1 - share) * other)
    gradients = tape.gradient(loss, [v.value for v in twin.trainable_variables])
    expected = [v.numpy() - 0.1 * g.numpy() for v, g in zip(twin.trainable_variables, gradients, strict=True)]
    ours.step.train(BATCH)
    for variable, value in zip(model.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, atol=1e-6)
