"""Layers, conversion, gradual sparsity and export are Keras' own, whatever computes: the whole way with JAX."""

import os
import sys

import pytest

from tests.helpers.interpreters import python
from tests.helpers.training import SMALL

BEGIN = f"""
import warnings

import keras
import numpy as np

from lcnn_engine import Net
from lcnn_train import GradualSparsity, LookupConv2D, LookupDense, export, lookup_model, verify
from lcnn_train.data import idx
from lcnn_train.layers.sparsity import lookup_layers

assert keras.backend.backend() == "jax"
warnings.filterwarnings("ignore", message="lookup_model of")
keras.utils.set_random_seed(7)
digits = idx.read_folder({str(SMALL)!r}, "train")
x, y = digits.images[:200, ::2, ::2, None].astype(np.float32) / 255, digits.labels[:200].astype(np.int64)

def trained(model, epochs, *callbacks, rate=0.01, momentum=None):
    optimizer = keras.optimizers.Adam(rate) if momentum is None else keras.optimizers.SGD(rate, momentum)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=25, epochs=epochs, verbose=0, callbacks=list(callbacks)).history
    return history["accuracy"][-1]

def zeros(model):
    return [~np.asarray(layer.surviving()) for layer in lookup_layers(model)]

class StaysZero(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.gone = self.first = zeros(self.model)

    def on_epoch_end(self, epoch, logs=None):
        now = zeros(self.model)
        assert all((was <= one).all() for was, one in zip(self.gone, now))
        self.gone = now

def agrees(model, path):
    export(model, path)
    assert verify(model, path, x[:4]).worst.ratio <= 1e-5
    np.testing.assert_allclose(Net.load(path).run(x[:4]), model.predict(x[:4], verbose=0), atol=1e-5)
"""
LAYERS = """
model = keras.Sequential([
    keras.Input((14, 14, 1)),
    LookupConv2D(12, 3, 4, threshold=0.1, l1=3.0, use_bias=False, name="a"), keras.layers.BatchNormalization(),
    keras.layers.ReLU(), keras.layers.MaxPooling2D(2),
    LookupConv2D(16, 3, 8, lookups_per_tap=2, groups_of=4, atoms_of=2, use_bias=False, name="b"),
    keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.Flatten(),
    LookupDense(24, None, threshold=0.1, l1=3.0, activation="relu", name="c"),
    keras.layers.Dense(10, activation="softmax"),
])
watch = StaysZero()
accuracy = trained(model, 6, watch, rate=0.05, momentum=0.9)
assert accuracy > 0.6, accuracy
assert all(last.sum() > first.sum() for last, first in zip(watch.gone[::2], watch.first[::2]))
assert np.asarray(model.get_layer("b").surviving()).reshape(9, 8, 16).sum(axis=1).max() <= 2
before = model.predict(x[:4], verbose=0)
model.save(sys.argv[1] + ".keras")
again = keras.models.load_model(sys.argv[1] + ".keras")
assert (again.predict(x[:4], verbose=0) == before).all()
agrees(model, sys.argv[1])
"""
DENSE = """
dense = keras.Sequential([
    keras.Input((14, 14, 1)),
    keras.layers.Conv2D(16, 3, activation="relu", name="a"), keras.layers.BatchNormalization(),
    keras.layers.MaxPooling2D(2), keras.layers.Conv2D(16, 3, activation="relu", name="b"), keras.layers.Flatten(),
    keras.layers.Dense(32, activation="relu", name="c"), keras.layers.Dense(10, activation="softmax", name="digit"),
])
assert trained(dense, 6) > 0.9
answers = dense.predict(x, verbose=0)
"""
CONVERSION = f"""{DENSE}
converted = lookup_model(dense, dictionary={{"a": None, "b": 12, "c": None}}, threshold=0, l1=0,
                         groups_of={{"b": 4, "c": 16}}, atoms_of={{"c": 2}})
gradual = GradualSparsity(target=0.3, every=8, regrow=0.1, data=(x[:50], y[:50]))
assert trained(converted, 5, gradual, rate=0.003) > 0.8
assert gradual.pruner.share() <= 0.3
assert np.abs(dense.predict(x, verbose=0) - answers).max() == 0  # training a copy has left the model alone
agrees(converted, sys.argv[1])
"""
SAMPLES = f"""{DENSE}
converted = lookup_model(dense, dictionary=None, samples=x[:100], budget=0.6, of="lookups")
assert trained(converted, 2, StaysZero(), rate=0.003) > 0.8
assert np.abs(dense.predict(x, verbose=0) - answers).max() == 0
"""


@pytest.mark.parametrize("script", [LAYERS, CONVERSION, SAMPLES], ids=["layers", "conversion", "samples"])
def test_the_whole_way_with_jax(script, tmp_path):
    pytest.importorskip("jax", reason="jax is not installed")
    code = f"import sys\n{BEGIN}\n{script}\nprint('done')"
    result = python(code, tmp_path / "m.safetensors", KERAS_BACKEND="jax", PYTHONPATH=os.pathsep.join(sys.path))
    assert result.stdout.strip() == "done", result.stderr
