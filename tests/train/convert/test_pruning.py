"""Which entries are kept, and the fit of those that are."""

import numpy as np
import pytest

from lcnn_train.convert.gram import Collector, Moments
from lcnn_train.convert.pruning import Selection, pruned, refitted, solved


def correlated(rows=2000, columns=24, seed=0):
    """Inputs that follow a few common causes, as pixels and channels do."""
    rng = np.random.default_rng(seed)
    causes = rng.normal(size=(rows, 6)) @ rng.normal(size=(6, columns))
    return (causes + 0.3 * rng.normal(size=(rows, columns))).astype(np.float32)


def problem(W, taps=1, centred=False, X=None):
    collector = Collector(W, taps)
    X = correlated(columns=W.shape[1]) if X is None else X
    for batch in np.array_split(X, 3):
        collector.add(batch, batch)
    return collector.moments(centred)


def weights(n=16, columns=24, seed=1):
    return np.random.default_rng(seed).normal(size=(n, columns))


class TestSelection:
    @pytest.mark.parametrize("groups_of", [1, 4, 8])
    @pytest.mark.parametrize("atoms_of", [1, 2])
    def test_blocks_share_one_fate(self, groups_of, atoms_of):
        """12 filters in groups of 8 leave one of 4; 5 atoms in pairs leave one alone."""
        K = weights(12, 3 * 5)
        for limit in ({"per_tap": 2}, {"count": 60}):
            mask = Selection(3, groups_of=groups_of, atoms_of=atoms_of, **limit).mask(K).reshape(12, 3, 5)
            for start in range(0, 12, groups_of):
                assert (mask[start : start + groups_of] == mask[start]).all()
            if atoms_of == 2:
                assert (mask[..., 0] == mask[..., 1]).all()
                assert (mask[..., 2] == mask[..., 3]).all()
            if "per_tap" in limit:
                assert (mask.sum(axis=-1) <= 2).all()
                assert mask.sum() >= 12 * 3
            else:
                assert 60 - groups_of * atoms_of < mask.sum() <= 60

    def test_the_largest_are_kept(self):
        K = np.array([[3.0, -1, 2, 0], [0, 5, -4, 1]])
        assert (Selection(1, count=3).mask(K) == (np.abs(K) >= 3)).all()
        assert (Selection(2, per_tap=1).mask(K) == [[1, 0, 1, 0], [0, 1, 1, 0]]).all()

    def test_zeros_are_never_kept(self):
        assert not Selection(1, count=5).mask(np.zeros((2, 4))).any()

    def test_part_of_the_way(self):
        assert Selection(1, count=4).mask(weights(2, 8), 0.5).sum() == 10
        assert Selection(1, per_tap=2).mask(weights(2, 8), 0.5).sum() == 10


class TestPruned:
    def test_nearer_than_the_largest_weights_and_these_refitted(self):
        W, selection = weights(), Selection(1, count=120)
        moments = problem(W)
        largest = selection.mask(W)
        fitted = refitted(moments.damped(W), largest, W)
        found = pruned(moments, W, selection)
        assert (found != 0).sum() <= 120
        assert moments.error(fitted) < 0.7 * moments.error(W * largest)
        assert moments.error(found) < 0.8 * moments.error(fitted)

    def test_a_sparse_kernel_is_found_again(self):
        W = weights() * (np.random.default_rng(5).random((16, 24)) < 0.3)
        noisy = problem(W)
        found = pruned(noisy, W, Selection(1, count=np.count_nonzero(W)))
        assert noisy.error(found) < 1e-3

    def test_all_entries_change_nothing(self):
        W = weights()
        np.testing.assert_allclose(pruned(problem(W), W, Selection(1, count=W.size)), W, rtol=1e-2, atol=1e-2)

    def test_inputs_that_are_always_the_same(self):
        """Dead channels, and no sample that says anything: nothing is NaN."""
        W, X = weights(), correlated()
        X[:, 3:9] = 0
        for given, centred in ((X, True), (X, False), (np.ones_like(X), True), (np.zeros_like(X), False)):
            moments = problem(W, centred=centred, X=given)
            found = pruned(moments, W, Selection(1, count=100))
            assert np.isfinite(found).all()
            assert np.isfinite(moments.error(found))

    def test_of_each_tap(self):
        W = weights(8, 4 * 6)
        found = pruned(problem(W, 4), W, Selection(4, per_tap=2)).reshape(8, 4, 6)
        assert ((found != 0).sum(axis=-1) == 2).all()

    def test_in_groups_and_pairs(self):
        W = weights(8, 24)
        found = pruned(problem(W), W, Selection(1, count=96, groups_of=4, atoms_of=2))
        blocks = (found != 0).reshape(2, 4, 12, 2)
        assert (blocks.all(axis=(1, 3)) | ~blocks.any(axis=(1, 3))).all()
        assert (found != 0).sum() == 96


def test_refitting_is_least_squares_of_each_filter():
    W, X = weights(3, 8), correlated(500, 8).astype(np.float64)
    mask = np.random.default_rng(2).random(W.shape) < 0.6
    found = refitted(problem(W, X=X.astype(np.float32)), mask, np.zeros_like(W))
    for own, kernel, row in zip(mask, found, W, strict=True):
        wanted = np.linalg.lstsq(X[:, own], X @ row, rcond=None)[0]
        np.testing.assert_allclose(kernel[own], wanted, rtol=2e-3, atol=2e-3)
        assert not kernel[~own].any()


def test_solving_stops_at_a_matrix_without_rank():
    ones = np.ones((4, 4))
    found = solved(lambda x: x @ ones, np.full((1, 4), 4.0), np.zeros((1, 4)), 50, 1)
    np.testing.assert_allclose(found, np.ones((1, 4)))
    assert not solved(lambda x: 0 * x, np.ones((1, 4)), np.zeros((1, 4)), 50, 1).any()


def test_weights_alone_are_pruned_by_their_size():
    W = weights()
    found = pruned(Moments.of_weights(W, 1), W, Selection(1, count=100))
    np.testing.assert_allclose(found, W * Selection(1, count=100).mask(W), atol=1e-3)
