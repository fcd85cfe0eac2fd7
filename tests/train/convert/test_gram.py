"""The moments of a layer's inputs, and the windows that these are."""

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_train.convert import gram
from lcnn_train.convert.gram import Collector, Moments, blocks, windows
from lcnn_train.convert.samples import kernel_of
from tests.helpers.training import numpy_of


def given(rows=300, columns=12):
    rng = np.random.default_rng(0)
    return (rng.normal(size=(rows, columns)) @ rng.normal(size=(columns, columns)) + 1).astype(np.float32)


def moments_of(W, X, wanted, taps=3, centred=False):
    collector = Collector(W, taps)
    for ours, theirs in zip(np.array_split(X, 4), np.array_split(wanted, 4), strict=True):
        collector.add(ours, theirs)
    return collector.moments(centred)


@pytest.mark.parametrize("centred", [False, True])
def test_errors_are_those_of_the_outputs(centred):
    rng = np.random.default_rng(1)
    W, K, wanted = rng.normal(size=(5, 12)), rng.normal(size=(5, 12)), given()
    X = wanted + rng.normal(size=wanted.shape).astype(np.float32)
    Y, found = wanted @ W.T, X @ K.T
    if centred:
        Y, found = Y - Y.mean(axis=0), found - found.mean(axis=0)
    error = np.linalg.norm(found - Y) / np.linalg.norm(Y)
    assert moments_of(W, X, wanted, centred=centred).error(K) == pytest.approx(error, rel=1e-4)


def test_the_kernel_itself_loses_nothing():
    W = np.random.default_rng(1).normal(size=(5, 12))
    assert moments_of(W, given(), given()).error(W) < 1e-3
    assert moments_of(0 * W, given(), given()).error(W) == 0


def test_what_a_dictionary_gives():
    """Moments of S = X D' are those of inputs that are S."""
    rng = np.random.default_rng(1)
    W, D, X = rng.normal(size=(5, 12)), rng.normal(size=(3, 4)), given()
    S = (X.reshape(-1, 3, 4) @ D.T).reshape(-1, 9).astype(np.float32)
    found, P = moments_of(W, X, X).through(D, 3), rng.normal(size=(5, 9))
    np.testing.assert_allclose(found.grams[0], S.T @ S / len(S), rtol=1e-4, atol=1e-3)
    error = np.linalg.norm(S @ P.T - X @ W.T) / np.linalg.norm(X @ W.T)
    assert found.error(P) == pytest.approx(error, rel=1e-4)


def test_wide_layers_are_cut_at_taps(monkeypatch):
    monkeypatch.setattr(gram, "_LARGEST", 9)
    assert blocks(12, 3) == [(0, 8), (8, 12)]
    assert blocks(12, 1) == [(0, 9), (9, 12)]
    W, X = np.random.default_rng(1).normal(size=(5, 12)), given()
    cut = moments_of(W, X, X)
    assert [part.shape for part in cut.grams] == [(8, 8), (4, 4)]
    monkeypatch.undo()
    whole = moments_of(W, X, X).grams[0].copy()
    np.testing.assert_array_equal(cut.grams[0], whole[:8, :8])
    whole[:8, 8:] = whole[8:, :8] = 0
    np.testing.assert_allclose(cut.times(W), W @ whole)
    np.testing.assert_allclose(cut.between_channels(4), sum(whole[i : i + 4, i : i + 4] for i in (0, 4, 8)))


def test_noise_leaves_the_kernel_where_samples_are_silent():
    W = np.random.default_rng(1).normal(size=(5, 12))
    silent = moments_of(W, np.zeros((4, 12), np.float32), np.zeros((4, 12), np.float32)).damped(W)
    np.testing.assert_allclose(np.linalg.solve(silent.grams[0], silent.C.T).T, W)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(4, (3, 2), padding="same", strides=2),
        layers.Conv2D(4, 3),
        layers.Conv2D(4, 3, dilation_rate=2, padding="same"),
        layers.Conv2D(4, 1, strides=(2, 1)),
        layers.Dense(4),
    ],
)
def test_windows_are_what_a_layer_multiplies(layer):
    keras.utils.set_random_seed(0)
    X = np.random.default_rng(0).normal(size=(2, 9, 8, 3)).astype(np.float32)
    Y = numpy_of(layer(X))
    W, taps = kernel_of(layer)
    assert W.shape == (4, taps * 3)
    found = windows(layer, X, 10_000, 0)
    np.testing.assert_allclose(found @ W.T, Y.reshape(-1, 4), atol=1e-5)
    few = windows(layer, X, 5, 7)
    assert few.shape == (10, taps * 3)
    np.testing.assert_array_equal(few, windows(layer, X, 5, 7))
    assert {row.tobytes() for row in few} <= {row.tobytes() for row in found}


def test_moments_of_weights_are_those_of_white_noise():
    W = np.random.default_rng(1).normal(size=(5, 12))
    assert Moments.of_weights(W, 3).error(W / 2) == pytest.approx(0.5)
