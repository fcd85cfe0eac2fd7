"""A kernel as a dictionary and lookups, or as a pruned kernel, so that a layer's outputs change least.

Legend: W (n, taps * m) the kernel, D (k, m) the dictionary, P (n, taps * k) the lookups; K = P D at each tap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from lcnn_train.convert import factorization as factoring
from lcnn_train.convert.gram import Moments, by_atoms
from lcnn_train.convert.pruning import Selection, pruned, refitted, solved

_TURNS = 3  # of P and D
_STEPS = 20  # of conjugate gradients in each, the last fit of P apart


@dataclass(frozen=True)
class Form:
    """What a kernel is to become: `dictionary` is k, None for none; `selection` None keeps all of P."""

    dictionary: int | None
    selection: Selection | None


def fitted(moments: Moments, W: np.ndarray, taps: int, form: Form, seed: int = 0) -> factoring.Factors:
    """Find D (k, m) and P (n, taps * k) of a form for which P D answers the samples best; D is I where there is none.

    A dictionary of a layer whose G is cut within a tap is that of the weights alone.
    """
    m = W.shape[1] // taps
    if form.dictionary is None:
        D = np.eye(m)
        return D, _wanted(moments, W) if form.selection is None else pruned(moments, W, form.selection)
    k, selection = form.dictionary, form.selection
    whole = all(len(gram) % m == 0 for gram in moments.grams)
    root, inverse = _roots(moments.damped(W).between_channels(m)) if whole else (np.eye(m), np.eye(m))
    lookups, groups_of, atoms_of = None, 1, 1
    if selection is not None:
        groups_of, atoms_of = selection.groups_of, selection.atoms_of
        lookups = _lookups(selection, len(W) * taps, k)
    vectors = W.reshape(len(W), taps, m) @ root
    D, P = factoring.factor(vectors, k, lookups, groups_of, seed, atoms_of)
    D, P = D @ inverse, P.reshape(len(W), -1)
    return _in_turn(moments, W, taps, D, P) if whole else (D, P)


def _lookups(selection: Selection, taps: int, k: int) -> int | None:
    """How many lookups of each tap; of a count of the whole layer, as many as there are for each."""
    found = selection.per_tap
    if found is None:
        found = max(1, (selection.count or 0) // taps // selection.atoms_of) * selection.atoms_of
    return None if found >= k else found


def _wanted(moments: Moments, W: np.ndarray) -> np.ndarray:
    """The kernel that answers the samples best, W where they leave it open."""
    damped = moments.damped(W)
    return solved(damped.times, damped.C, W, _STEPS, 1)


def _roots(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The symmetric root of a matrix, and its inverse."""
    values, vectors = scipy.linalg.eigh(gram)
    values = np.sqrt(np.maximum(values, 1e-12 * values[-1]))
    return (vectors * values) @ vectors.T, (vectors / values) @ vectors.T


def _in_turn(moments: Moments, W: np.ndarray, taps: int, D: np.ndarray, P: np.ndarray) -> factoring.Factors:
    """Fit P and D in turn, each by least squares with the other held, P's non-zeros where they are."""
    mask, damped = P != 0, moments.damped(W)
    for _ in range(_TURNS):
        P = refitted(damped.through(D, taps), mask, P, _STEPS)
        D = _dictionary(damped, taps, D, P)
    D, P = factoring.scaled(D, P.reshape(len(P), taps, -1), 1.0)
    P = P.reshape(len(W), -1)
    return D, refitted(damped.through(D, taps), mask, P)


def _dictionary(moments: Moments, taps: int, D: np.ndarray, P: np.ndarray) -> np.ndarray:
    """The D of least error for these lookups, from this one."""
    k, m = D.shape
    parts = P.reshape(-1, k)

    def of_each_tap(K: np.ndarray) -> np.ndarray:
        return parts.T @ K.reshape(-1, m)

    def apply(D: np.ndarray) -> np.ndarray:
        return of_each_tap(moments.times(by_atoms(P, D.T, taps)))

    return solved(apply, of_each_tap(moments.C), D, _STEPS)
