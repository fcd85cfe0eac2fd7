"""What lookup_model refuses, with the way out, and what it warns of."""

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_train import lookup_model, lookup_report
from tests.helpers.training import small


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(4, 3)

    def call(self, x):
        return self.conv(x)


def own_call():
    class Doubling(keras.Model):
        def call(self, x, training=None):
            return 2 * super().call(x)

    image = keras.Input((8, 8, 1))
    return Doubling(image, layers.Conv2D(4, 3)(image), name="doubling")


REFUSED = {
    "a subclassed model": (Own, r"expected a Sequential or functional model, found own, a Own .* keras\.Input"),
    "a functional model with a call of its own": (own_call, r"found doubling, a Doubling that calls its layers"),
    "one inside": (lambda: keras.Sequential([keras.Input((8, 8, 1)), own_call()]), "found doubling"),
    "no input shape": (
        lambda: keras.Sequential([layers.Conv2D(4, 3)], name="open"),
        r"expected a model whose input shape is known, found open; begin it with keras\.Input",
    ),
    "no model": (lambda: layers.Conv2D(4, 3), "expected a Keras model, found Conv2D"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_models_that_cannot_be_converted(name):
    build, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        lookup_model(build(), dictionary=4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dictionary": {"conv3": 4}}, r"dictionary: the model has no layer with a kernel named 'conv3'.*'conv\d'\?"),
        ({"dictionary": {"flatten": 4}}, "dictionary: the model has no layer with a kernel named 'flatten'"),
        ({"dictionary": 4, "skip": ["fc_1"]}, "skip: the model has no layer named 'fc_1'; did you mean 'fc1'"),
        ({"dictionary": 4, "skip": "fc_1"}, "skip: the model has no layer named 'fc_1'"),
        ({"dictionary": 4, "l1": {"con2": 1}}, "l1: the model has no layer with a kernel named 'con2'"),
        ({"dictionary": 0}, "layer conv1: dictionary must be an integer of at least 1, None .* Received: 0"),
        ({"dictionary": {"conv2": "all"}}, "layer conv2: dictionary must be .* Received: 'all'"),
        ({"dictionary": {"conv2": 2.5}}, "layer conv2: dictionary must be .* Received: 2.5"),
        ({"dictionary": lambda layer: True}, "layer conv1: dictionary must be .* Received: True"),
        ({"dictionary": 4, "lookups_per_tap": 0}, "lookups_per_tap must be .* Received: lookups_per_tap=0"),
        ({"dictionary": 4, "groups_of": 0}, "groups_of must be .* Received: groups_of=0"),
        ({"dictionary": 4, "l1": -1}, "l1 must be .* Received: l1=-1"),
    ],
)
def test_arguments_that_make_no_model(arguments, message):
    with pytest.raises(ValueError, match=message):
        lookup_model(small(), **arguments)


def test_nothing_to_replace_is_said():
    with pytest.warns(UserWarning, match="lookup_model replaced no layer of small"):
        lookup_model(small(), dictionary={})


class Penalised(keras.Model):
    """Keras copies its class: it is made as keras.Model is."""

    def train_step(self, data):
        return {"mine": keras.ops.convert_to_tensor(7.0)}


class Weighted(Penalised):
    """Keras does not: its __init__ wants more."""

    def __init__(self, inputs, outputs, weight=1.0, **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        self.weight = weight


class Stepped(keras.Sequential):
    def test_step(self, data):
        return {"mine": keras.ops.convert_to_tensor(7.0)}


def test_a_training_step_of_ones_own_is_kept_or_missed():
    image = keras.Input((8, 8, 1))
    result = layers.Dense(3)(layers.Flatten()(layers.Conv2D(8, 3)(image)))
    kept = lookup_model(Penalised(image, result), dictionary=4)
    kept.compile("sgd", "mse")
    assert kept.fit(np.zeros((2, 8, 8, 1)), np.zeros((2, 3)), verbose=0).history["mine"] == [7.0]
    assert lookup_report(kept).note == ""
    for model, missed in (
        (Weighted(image, result, 0.5), "a plain Functional, without train_step of Weighted; to train by that"),
        (Stepped([keras.Input((8, 8, 1)), layers.Conv2D(8, 3)]), "a plain Sequential, without test_step of Stepped"),
    ):
        with pytest.warns(UserWarning, match=missed):
            lookups = lookup_model(model, dictionary=4)
        assert missed in str(lookup_report(lookups))


def test_only_what_lookup_model_made_has_a_report():
    with pytest.raises(ValueError, match="expected the model that lookup_model returned, found small"):
        lookup_report(small())


def test_a_bar_in_a_terminal_only(monkeypatch, capsys):
    lookup_model(small(), dictionary=4)
    assert not capsys.readouterr().err
    monkeypatch.setenv("FORCE_COLOR", "1")
    lookup_model(small(), dictionary=4)
    assert "factoring" in capsys.readouterr().err
