"""Gradual sparsity under plain fit: it reaches its target, goes on from a saved model, and says what it lacks."""

import os
import sys

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_train import GradualSparsity, LookupConv2D, export, lookup_model, verify
from lcnn_train.training.gradual.gradients import dense_gradients
from tests.helpers.interpreters import python
from tests.helpers.training import WatchZeros, numpy_of, slope, some_places

RNG = np.random.default_rng(3)
X = RNG.normal(size=(24, 8, 8, 2)).astype(np.float32)
Y = RNG.integers(0, 4, 24)


def network(**options):
    keras.utils.set_random_seed(5)
    dense = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(10, 3, activation="relu", name="a"),
            layers.Flatten(name="flatten"),
            layers.Dense(12, activation="relu", name="b"),
            layers.Dense(4, activation="softmax", name="classes"),
        ]
    )
    model = lookup_model(dense, None, l1=0, threshold=0, **options)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


def fit(model, *callbacks, epochs=4, **options):
    return model.fit(X, Y, batch_size=6, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks), **options)


@pytest.mark.parametrize("structure", [{}, {"groups_of": 8, "atoms_of": 2}])
def test_the_target_is_reached_and_what_is_gone_stays_gone(structure, tmp_path):
    model = network(**structure)
    gradual, watch = GradualSparsity(0.15, every=2), WatchZeros()
    shares = fit(model, gradual, watch).history["share_of_multiplications"]
    assert gradual.pruner.settings.end == 12
    assert shares == sorted(shares, reverse=True)
    assert 0.1 < shares[-1] <= 0.15
    assert shares[-2] == shares[-1] < shares[0] / 2
    assert watch.died_late
    export(model, tmp_path / "m.safetensors")
    assert verify(model, tmp_path / "m.safetensors", X[:4]).worst.ratio <= 1e-5


@pytest.mark.parametrize("options", [{}, {"regrow": 0.2, "data": (X, Y)}, {"score": "taylor", "data": (X, Y)}])
def test_a_fit_that_goes_on_from_a_saved_model_is_as_if_never_interrupted(options, tmp_path):
    whole = network()
    fit(whole, GradualSparsity(0.2, end=12, every=3, **options))
    first = network()
    with pytest.warns(UserWarning, match="fit ended after step 8, and the target is reached after step 12"):
        fit(first, GradualSparsity(0.2, end=12, every=3, **options), epochs=2)
    first.save(tmp_path / "half.keras")
    second = keras.models.load_model(tmp_path / "half.keras")
    fit(second, GradualSparsity(0.2, end=12, every=3, **options), initial_epoch=2)
    for mine, other in zip(second.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_several_steps_in_one_call():
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy", steps_per_execution=3, jit_compile=False)
    gradual = GradualSparsity(0.2, end=7, every=2)
    assert fit(model, gradual, epochs=2).history["share_of_multiplications"][-1] <= 0.2


def test_the_gradient_of_entries_that_are_zero_too():
    """By finite differences of the dense kernel that the sparse P stands for."""
    layer = LookupConv2D(4, 3, 3, l1=0, threshold=0.3, activation="tanh", dtype="float64")
    model = keras.Sequential([keras.Input((6, 6, 2), dtype="float64"), layer])
    x = RNG.normal(size=(3, 6, 6, 2))
    zero = numpy_of(layer.sparse_P()) == 0
    (found,) = dense_gradients([layer], lambda: keras.ops.sum(keras.ops.square(model(x, training=False))))
    assert layer.probe is None
    twin = LookupConv2D(4, 3, 3, l1=0, threshold=0, activation="tanh", dtype="float64")
    keras.Sequential([keras.Input((6, 6, 2), dtype="float64"), twin])
    twin.D.assign(layer.D)
    twin.P.assign(layer.sparse_P())
    for where in some_places(layer.P.shape, 40):
        expected = slope(lambda: keras.ops.sum(keras.ops.square(twin(x))), twin.P, where)
        assert found[where] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert found[zero].any()


JAX = """
import keras, numpy as np
from tests.train.training.gradual import test_callback as this
from lcnn_train import GradualSparsity, lookup_model

assert keras.backend.backend() == "jax"
data = (this.X, this.Y)
for options in ({}, {"regrow": 0.2, "data": data}, {"score": "taylor", "data": data, "of": "lookups"}):
    model = this.network(groups_of=2)
    assert list(this.fit(model, GradualSparsity(0.2, every=2, **options)).history.values())[-1][-1] <= 0.2
model = lookup_model(model, {"classes": 2}, threshold=0.3)
model.compile(keras.optimizers.SGD(0.1, momentum=0.95), "sparse_categorical_crossentropy")
layer, gone = model.get_layer("classes"), np.zeros(8, bool)
counts = []
for epoch in range(6):
    this.fit(model, epochs=1)
    kept = np.asarray(layer.surviving()).ravel()
    assert not (kept & gone).any()
    gone |= ~kept
    counts.append(int(gone.sum()))
assert counts[-1] > counts[0]
print("done")
"""


def test_masks_survive_the_compiled_steps_of_jax():
    pytest.importorskip("jax")
    result = python(JAX, KERAS_BACKEND="jax", PYTHONPATH=os.pathsep.join(sys.path))
    assert result.stdout.strip() == "done", result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"score": "taylor"}, r"data: expected a batch \(x, y\)"),
        ({"regrow": 0.1}, r"data: expected a batch \(x, y\)"),
        ({"end": 3, "begin": 5}, "begin, end: expected 0 <= begin < end"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        GradualSparsity(0.5, **arguments)


def test_what_fit_must_have():
    with pytest.raises(ValueError, match=r"found 0\.001, the nearest is 0\.0345\. Take that"):
        fit(network(), GradualSparsity(0.001))
    gradual = GradualSparsity(0.5)
    gradual.set_model(network())
    gradual.set_params({"epochs": 3, "steps": None})
    with pytest.raises(ValueError, match="end: expected a number of steps"):
        gradual.on_train_begin()
