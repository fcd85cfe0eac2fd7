"""A step does what its settings say: parts, averages, decay, half precision; and a run ends when it should."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lcnn_train.training.optimizers import LossScale
from lcnn_train.training.step import MetricSums
from tests.helpers.steps import BATCH, X, Y, network, state, weights


def test_a_step_is_what_keras_does():
    """The same weights as compile and fit: loss, penalty, momentum, threshold and mask."""
    ours, theirs = state(), network()
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    theirs.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    for _ in range(5):
        sums, stop = ours.step.train(BATCH)
        loss = theirs.train_on_batch(X, Y)
        assert sums.loss == pytest.approx(float(loss), rel=1e-5)
        assert not stop
    for mine, other in zip(weights(ours.model), weights(theirs), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)
    assert not ours.model.get_layer("lookup").alive.numpy().all()


def test_parts_add_up_to_the_batch():
    whole, parts = state(), state(accumulate=4)
    for _ in range(3):
        a, b = whole.step.train(BATCH)[0], parts.step.train(BATCH)[0]
        assert vars(a) == pytest.approx(vars(b), rel=1e-5)
    for mine, other in zip(weights(whole.model), weights(parts.model), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)


def test_figures_are_of_the_images_that_count():
    ours = state()
    everything = ours.step.evaluate((*BATCH, tf.ones(12, tf.float64)))
    probabilities = ours.model.predict(X, verbose=0)
    assert everything.images == 12
    assert everything.top1 == np.sum(probabilities.argmax(1) == Y)
    assert everything.top5 == 12  # of four classes
    picked = -np.log(probabilities[np.arange(12), Y])
    assert everything.cross_entropy == pytest.approx(picked.sum(), rel=1e-5)
    half = ours.step.evaluate((*BATCH, tf.constant([1.0] * 5 + [0.0] * 7, tf.float64)))
    assert half.images == 5
    assert half.cross_entropy == pytest.approx(picked[:5].sum(), rel=1e-5)
    P = ours.model.get_layer("lookup")
    assert half.penalty == pytest.approx(5 * float(P.penalty()), rel=1e-5)
    assert half.loss == pytest.approx(picked[:5].mean() + float(P.penalty()), rel=1e-5)


@pytest.mark.parametrize("decoupled", [True, False])
def test_weight_decay(decoupled):
    """Decoupled it is beside the momentum; else it goes through it. After its epochs there is none."""
    settings = {"weight_decay": 0.1, "decoupled_weight_decay": decoupled, "momentum": 0.5}
    ours = state(optimizer={**settings, "weight_decay_epochs": [1, 1]})
    ours.optimizer.iterations.assign(9)
    kernel = ours.model.get_layer("classes").kernel
    velocity, expected = 0.0, kernel.numpy()
    for decay in (0.1, 0.0):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(Y, ours.model(X)))
        gradient = tape.gradient(loss, kernel.value).numpy()
        if decoupled:
            expected = expected - expected * decay * 0.1
        else:
            gradient = gradient + decay * expected
        velocity = 0.5 * velocity - 0.1 * gradient
        expected = expected + velocity
        ours.step.train(BATCH)
        np.testing.assert_allclose(kernel.numpy(), expected, atol=1e-6)


def test_half_precision_leaves_a_step_out_whose_gradients_are_not_finite():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        ours = state(precision="mixed_float16")
    finally:
        keras.config.set_dtype_policy("float32")
    assert ours.model.get_layer("lookup").P.dtype == "float32"
    before = weights(ours.model)
    ours.loss_scale.scale.assign(2.0**60)
    sums, _ = ours.step.train(BATCH)
    assert np.isfinite(sums.loss)
    for mine, former in zip(weights(ours.model), before, strict=True):
        np.testing.assert_array_equal(mine, former)
    assert float(ours.loss_scale.scale.numpy()) == 2.0**59
    assert int(ours.optimizer.iterations.numpy()) == 1  # schedules go on
    ours.loss_scale.scale.assign(2.0**10)
    whole = state()
    for _ in range(3):
        ours.step.train(BATCH)
        whole.step.train(BATCH)
    assert int(ours.loss_scale.finite_steps.numpy()) == 3
    for mine, other in zip(weights(ours.model), weights(whole.model), strict=True):
        np.testing.assert_allclose(mine.astype(float), other, atol=0.02)


def test_the_loss_scale_grows_after_many_finite_steps():
    scale = LossScale()
    scale.finite_steps.assign(LossScale.GROWTH - 1)
    scale.update(tf.constant(True))
    assert [float(v.numpy()) for v in scale.variables] == [2 * LossScale.START, 0]


def test_sums_go_by_their_former_names_in_checkpoints():
    sums = MetricSums(cross_entropy=2.0, images=3.0)
    assert sums.stored()["pictures"] == 3.0
    assert MetricSums.from_stored(sums.stored()) == sums
