"""Learners: they learn, forget, and leave alone what they do not train."""

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_train import LookupDense
from lcnn_train.layers.sparsity import lookup_layers
from lcnn_train.training.transfer.learners import by_all_weights, by_classifier, by_lookups

RNG = np.random.default_rng(4)
CENTRES = RNG.normal(size=(3, 6)) * 2


def examples(count):
    y = np.repeat(np.arange(3), count)
    return (CENTRES[y] + RNG.normal(size=(len(y), 6)) * 0.3).astype(np.float32), y


def base(lookups):
    keras.utils.set_random_seed(5)
    image = keras.Input((6,))
    hidden = LookupDense(12, 5, threshold=0.05, l1=0.01, name="a") if lookups else layers.Dense(12, name="a")
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(hidden(image)))
    last = LookupDense(5, 8, threshold=0.05, l1=0.01, name="c") if lookups else layers.Dense(5, name="c")
    return keras.Model(image, layers.Softmax()(last(x)))


LEARNERS = [(by_lookups, True), (by_all_weights, False), (by_classifier, False)]


@pytest.mark.parametrize(("learner", "lookups"), LEARNERS)
def test_classes_are_learned_from_few_examples_and_forgotten_before_the_next(learner, lookups):
    model = base(lookups)
    before = [np.array(value) for value in model.get_weights()]
    one = learner(model, 3, 60, 0.05)
    (x, y), (test_x, test_y) = examples(2), examples(40)
    found = [one.accuracy(x, y, test_x, test_y, seed) for seed in (1, 2, 1)]
    assert min(found) > 0.8
    weights = [np.array(value) for value in one.model.get_weights()]
    one.accuracy(x, np.roll(y, 2), test_x, test_y, 2)
    assert one.accuracy(x, y, test_x, test_y, 1) == found[0]
    for now, then in zip(one.model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(now, then, atol=1e-6)
    for value, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old)


def test_dictionaries_and_norms_stay_and_no_lookup_comes_back():
    model = base(True)
    layer = model.get_layer("a")
    layer.alive.assign(RNG.random(layer.P.shape) < 0.5)
    one = by_lookups(model, 3, 30, 0.05)
    x, y = examples(2)
    one.accuracy(x, y, x, y, 1)
    a, new = lookup_layers(one.model)
    assert new.name == "c_of_new_classes"
    np.testing.assert_array_equal(a.D, layer.D)
    np.testing.assert_array_equal(new.D, model.get_layer("c").D)
    for value, old in zip(one.model.get_layer("norm").weights, model.get_layer("norm").weights, strict=True):
        np.testing.assert_array_equal(value, old)
    assert (np.asarray(a.P) != np.asarray(layer.P)).any()
    assert not (np.asarray(a.surviving()) & ~np.asarray(layer.surviving())).any()


def test_a_linear_probe_trains_the_classifier_alone():
    model = base(False)
    one = by_classifier(model, 3, 30, 0.05)
    x, y = examples(2)
    one.accuracy(x, y, x, y, 1)
    for value, old in zip(one.model.get_layer("a").weights, model.get_layer("a").weights, strict=True):
        np.testing.assert_array_equal(value, old)
    everything = by_all_weights(model, 3, 30, 0.05)
    everything.accuracy(x, y, x, y, 1)
    assert (np.asarray(everything.model.get_layer("a").kernel) != np.asarray(model.get_layer("a").kernel)).any()
