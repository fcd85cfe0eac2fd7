"""W into D and P: the optimum where there is one, and the rules of a given number of lookups."""

import numpy as np
import pytest
import scipy.linalg

from lcnn_train.convert import factorization as factoring


def weights(n=16, taps=9, m=12, seed=0):
    """Filters with singular values that fall, as trained ones' do."""
    return np.random.default_rng(seed).normal(size=(n, taps, m)) * np.geomspace(1, 0.03, m)


@pytest.mark.parametrize("shape", [(16, 9, 12), (8, 1, 30), (5, 4, 20)])
@pytest.mark.parametrize("k", [1, 3, 8])
def test_any_number_of_lookups_is_the_optimum_of_svd(shape, k):
    W = weights(*shape)
    values = scipy.linalg.svdvals(W.reshape(-1, W.shape[-1]))
    optimum = np.sqrt(np.square(values[k:]).sum() / np.square(values).sum())
    D, P = factoring.factor(W, k)
    assert (D.shape, P.shape) == ((k, shape[2]), (*shape[:2], k))
    assert factoring.error(W, D, P) == pytest.approx(optimum, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("k", [12, 20])
def test_as_many_atoms_as_channels_or_more_lose_nothing(k):
    D, P = factoring.factor(weights(), k)
    assert factoring.error(weights(), D, P) < 1e-12
    assert np.count_nonzero(P) == P.size
    assert np.linalg.matrix_rank(D) == 12


def test_weights_of_low_rank_and_of_none():
    W = weights()[..., :1] * np.arange(1, 13)
    assert factoring.error(W, *factoring.factor(W, 3)) < 1e-7
    zeros = np.zeros((4, 9, 5))
    for lookups in (None, 2):
        D, P = factoring.factor(zeros, 3, lookups)
        assert np.isfinite(D).all()
        assert not P.any()
        assert factoring.error(zeros, *factoring.scaled(D, P, 0.1)) == 0


def pursue(groups, D, lookups):
    """P (G, g, k)."""
    return factoring._spread(*factoring._pursue(groups, D, lookups), len(D))


def test_pursuit_takes_the_atoms_that_are_there():
    """Vectors made of two atoms each: pursuit finds the two and their coefficients."""
    rng = np.random.default_rng(0)
    D = np.linalg.qr(rng.normal(size=(10, 10)))[0][:6]
    P = np.zeros((50, 1, 6))
    for row in P[:, 0]:
        row[rng.choice(6, 2, replace=False)] = rng.normal(size=2) + 3
    np.testing.assert_allclose(pursue(P @ D, D, 2), P, atol=1e-8)


def test_each_step_of_pursuit_leaves_a_residual_orthogonal_to_what_it_chose():
    rng = np.random.default_rng(0)
    D = factoring._unit(rng.normal(size=(20, 8)))
    vectors = rng.normal(size=(30, 1, 8))
    P = pursue(vectors, D, 4)
    assert (np.count_nonzero(P, axis=-1) == 4).all()
    assert np.abs(((vectors - P @ D) @ D.T)[P != 0]).max() < 1e-8


def test_more_lookups_and_more_atoms_err_less():
    W = weights()
    errors = [factoring.error(W, *factoring.factor(W, 10, s)) for s in (1, 2, 4, 10)]
    assert errors == sorted(errors, reverse=True)
    assert factoring.error(W, *factoring.factor(W, 40, 2)) < errors[1]


def test_learning_beats_a_dictionary_of_svd():
    """With 2 lookups a tap, taking turns gains over pursuit in the k best directions."""
    W = weights()
    D = factoring.factor(W, 10)[0]
    fixed = pursue(W.reshape(-1, 1, 12), factoring._unit(D), 2).reshape(16, 9, 10)
    learned = factoring.error(W, *factoring.factor(W, 10, 2))
    assert learned < 0.9 * factoring.error(W, factoring._unit(D), fixed)


@pytest.mark.parametrize("groups_of", [2, 4, 8])
def test_filters_in_groups_share_their_atoms(groups_of):
    P = factoring.factor(weights(), 10, 3, groups_of)[1]
    used = (P != 0).reshape(16 // groups_of, groups_of, 9, 10)
    assert (used == used[:, :1]).all()
    assert (used.sum(-1) == 3).all()


@pytest.mark.parametrize(("atoms", "groups_of"), [(10, 1), (10, 4), (9, 1), (9, 16)])
def test_atoms_in_pairs_and_a_smaller_last_group(atoms, groups_of):
    """Of 18 filters, the last two are a group; the ninth atom of nine is a pair of its own."""
    W = np.concatenate([weights(), weights()[:2]])
    D, P = factoring.factor(W, atoms, 4, groups_of, atoms_of=2)
    used = P != 0
    pairs = np.pad(used, ((0, 0), (0, 0), (0, atoms % 2))).reshape(18, 9, -1, 2)
    whole = pairs[:, :, : atoms // 2]
    assert (whole.all(-1) == whole.any(-1)).all()
    assert (pairs.any(-1).sum(-1) == 2).all()
    for first in range(0, 18, groups_of):
        group = used[first : first + groups_of]
        assert (group == group[:1]).all()
    single = factoring.factor(W, atoms, 4, groups_of)
    assert factoring.error(W, *single) <= factoring.error(W, D, P) < factoring.error(W, *factoring.factor(W, atoms, 1))


def test_a_layer_larger_than_the_sample_and_the_chunk(monkeypatch):
    monkeypatch.setattr(factoring, "_LEARNED_FROM", 50)
    monkeypatch.setattr(factoring, "_CHUNK", 7)
    W = weights()
    P = factoring.factor(W, 6, 2)[1]
    assert (np.count_nonzero(P, axis=-1) == 2).all()
    monkeypatch.setattr(factoring, "_CHUNK", 256)
    np.testing.assert_allclose(factoring.factor(W, 6, 2)[1], P, atol=1e-9)


def test_the_sparse_and_the_full_form_of_p_are_one():
    rng = np.random.default_rng(0)
    D = factoring._unit(rng.normal(size=(20, 8)))
    found = factoring._pursue(rng.normal(size=(15, 2, 8)), D, 3)
    np.testing.assert_array_equal(factoring._rows(*found, 20).toarray(), factoring._spread(*found, 20).reshape(30, 20))


def test_the_seed_decides():
    first, again, other = (factoring.factor(weights(), 10, 2, seed=seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_scaled_keeps_the_product():
    W = weights()
    D, P = factoring.factor(W, 8, 3)
    newD, newP = factoring.scaled(D * np.arange(1, 9)[:, None], P / np.arange(1, 9), 0.05)
    np.testing.assert_allclose(newP @ newD, P @ D, atol=1e-9)
    assert np.sqrt(np.square(newP[newP != 0]).mean()) == pytest.approx(0.05)
    lengths = np.linalg.norm(newD, axis=1)
    assert lengths == pytest.approx(np.full(8, lengths[0]))
