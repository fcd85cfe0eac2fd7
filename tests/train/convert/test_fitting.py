"""Dictionaries and lookups that answer samples."""

import numpy as np
import pytest

from lcnn_train.convert import factorization as factoring
from lcnn_train.convert import gram
from lcnn_train.convert.fitting import Form, fitted
from lcnn_train.convert.gram import by_atoms
from lcnn_train.convert.pruning import Selection
from tests.train.convert.test_pruning import correlated, problem, weights

TAPS, M = 2, 12


def kernel(D, P):
    return by_atoms(P, D.T, TAPS)


def by_weights(W, k, s=None, groups_of=1):
    D, P = factoring.factor(W.reshape(len(W), TAPS, M), k, s, groups_of)
    return kernel(D, P.reshape(len(W), -1))


@pytest.mark.parametrize(("k", "s", "groups_of"), [(4, None, 1), (8, 2, 1), (8, 2, 4), (20, 2, 1)])
def test_outputs_are_nearer_than_by_the_weights_alone(k, s, groups_of):
    W = weights()
    moments = problem(W, TAPS)
    selection = None if s is None else Selection(TAPS, s, groups_of=groups_of)
    D, P = fitted(moments, W, TAPS, Form(k, selection))
    assert D.shape == (k, M)
    assert moments.error(kernel(D, P)) < 0.85 * moments.error(by_weights(W, k, s, groups_of))
    if s is not None:
        used = P.reshape(-1, groups_of, TAPS, k) != 0
        assert (used.sum(axis=-1) <= s).all()
        assert (used == used[:, :1]).all()


def test_few_causes_need_few_atoms():
    """Inputs of three causes: three atoms answer them all, though W has rank 12."""
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(500, 3)) @ rng.normal(size=(3, M)) @ np.eye(M, TAPS * M)).astype(np.float32)
    X[:, M:] = X[:, :M]
    W = weights(16, TAPS * M)
    moments = problem(W, TAPS, X=X)
    D, P = fitted(moments, W, TAPS, Form(3, None))
    assert moments.error(kernel(D, P)) < 0.02
    assert moments.error(by_weights(W, 3)) > 0.3


def test_without_a_dictionary():
    W = weights()
    moments = problem(W, TAPS)
    D, P = fitted(moments, W, TAPS, Form(None, Selection(TAPS, count=100)))
    np.testing.assert_array_equal(D, np.eye(M))
    assert np.count_nonzero(P) <= 100
    _, whole = fitted(moments, W, TAPS, Form(None, None))
    np.testing.assert_allclose(whole, W)


def test_what_the_layers_before_lost_is_made_up_for():
    """Inputs that came out too small by a third: the kernel grows."""
    W, X = weights(), correlated()
    collector = gram.Collector(W, TAPS)
    collector.add(X * np.float32(2 / 3), X)
    moments = collector.moments(False)
    _, P = fitted(moments, W, TAPS, Form(None, None))
    assert moments.error(P) < 0.05 < 0.3 < moments.error(W)


def test_of_layers_too_wide_for_their_moments(monkeypatch):
    """G cut within a tap: the dictionary is that of the weights."""
    monkeypatch.setattr(gram, "_LARGEST", 5)
    W = weights()
    D, P = fitted(problem(W, TAPS), W, TAPS, Form(4, None))
    np.testing.assert_allclose(kernel(D, P), by_weights(W, 4))


def test_nothing_is_left_of_nothing():
    W = np.zeros((4, TAPS * M))
    D, P = fitted(problem(W, TAPS), W, TAPS, Form(4, Selection(TAPS, 2)))
    assert np.isfinite(D).all()
    assert not kernel(D, P).any()
