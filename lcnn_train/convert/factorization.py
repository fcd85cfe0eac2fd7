"""Trained weights as a dictionary and lookups: W ~ P D, the start from which a lookup layer is fine-tuned.

Legend: W (n, taps, m) the weights, a vector of m channels for each tap of each filter; D (k, m); P (n, taps, k). With
any number of lookups the best D and P of a given k come from the singular value decomposition. With `lookups` s of
each tap, D and P take turns: P by orthogonal matching pursuit, D by least squares (the method of optimal directions,
Engan et al. 1999, which is K-SVD without its rotation); filters in groups choose their atoms together.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse

Factors = tuple[np.ndarray, np.ndarray]  # D (k, m), P (n, taps, k)

_ROUNDS = 15  # of P and D in turn; twice as many take less than a hundredth off the error
_LEARNED_FROM = 20_000  # vectors from which D is learned, where a layer has more
_CHUNK = 256  # groups of taps pursued at once: they stay in the second-level cache, a third of the time of 4096


def factor(
    W: np.ndarray, k: int, lookups: int | None = None, groups_of: int = 1, seed: int = 0, atoms_of: int = 1
) -> Factors:
    """Factor W into D and P, float64, with W ~ P D.

    Args:
        W: (n, taps, m), any float dtype.
        k: rows of D, at least 1.
        lookups: s, the most non-zeros of each tap of P; None for as many as P has.
        groups_of: so many neighbouring filters have their non-zeros at the same atoms; fewer in the last group.
        seed: of the vectors that D is learned from and starts with.
        atoms_of: non-zeros come in runs of so many neighbouring atoms, aligned; it divides `lookups`.
    """
    vectors = np.asarray(W, np.float64).reshape(-1, W.shape[-1])
    if lookups is None or lookups >= k:
        D, P = _dense(vectors, k, seed)
        return D, P.reshape(*W.shape[:-1], k)
    n, taps, m = W.shape
    # Filters of 0 fill up the last group: they weigh nothing in the choice of atoms, nor in what is learned.
    filled = np.pad(np.asarray(W, np.float64), ((0, -n % groups_of), (0, 0), (0, 0)))
    groups = filled.reshape(-1, groups_of, taps, m).swapaxes(1, 2).reshape(-1, groups_of, m)
    D = _learn(groups, k, lookups, seed, atoms_of)
    P = _spread(*_pursue(groups, D, lookups, atoms_of), k).reshape(-1, taps, groups_of, k)
    return D, P.swapaxes(1, 2).reshape(-1, taps, k)[:n]


def error(W: np.ndarray, D: np.ndarray, P: np.ndarray) -> float:
    """Calculate |W - P D| / |W| in the Frobenius norm; 0 where W is 0."""
    whole = np.linalg.norm(W)
    # Flat, for NumPy multiplies a stack of matrices one by one: 27 s instead of 1 for AlexNet's fc7.
    composed = P.reshape(-1, P.shape[-1]) @ D
    return float(np.linalg.norm(W.reshape(composed.shape) - composed) / whole) if whole else 0.0


def scaled(D: np.ndarray, P: np.ndarray, size: float) -> Factors:
    """Scale D and P, their product kept, to rows of D of one length and non-zeros of P of root mean square `size`.

    An entry of P then weighs what it adds to the filter, whatever its atom, so the threshold takes the least first.
    """
    lengths = np.linalg.norm(D, axis=1)
    lengths[lengths == 0] = 1
    D, P = D / lengths[:, None], P * lengths
    used = np.count_nonzero(P)
    if not used:
        return D, P
    scale = size / np.sqrt(np.square(P).sum() / used)
    return D / scale, P * scale


def _dense(W: np.ndarray, k: int, seed: int) -> Factors:
    """Of all factors of k atoms the nearest to W (Eckart and Young): the k first right singular vectors, and W on them.

    They are eigenvectors of W'W, or come from those of WW', whichever is smaller. More atoms than channels are these
    and vectors of W, and P the least of all that give W exactly.
    """
    t, m = W.shape
    if k > m:
        D = np.concatenate([_dense(W, m, seed)[0], _some(W, k - m, np.random.default_rng(seed))])
        return D, W @ np.linalg.pinv(D)
    if m <= t:
        D = np.ascontiguousarray(scipy.linalg.eigh(W.T @ W, subset_by_index=(m - k, m - 1))[1].T[::-1])
        return D, W @ D.T
    rank = min(k, t)
    U = scipy.linalg.eigh(W @ W.T, subset_by_index=(t - rank, t - 1))[1][:, ::-1]
    D = np.concatenate([U.T @ W, np.zeros((k - rank, m))])
    return D, np.concatenate([U, np.zeros((t, k - rank))], axis=1)


def _learn(groups: np.ndarray, k: int, lookups: int, seed: int, atoms_of: int) -> np.ndarray:
    """D (k, m), rows of length 1, for `lookups` of each group of vectors (G, g, m)."""
    rng = np.random.default_rng(seed)
    share = max(1, _LEARNED_FROM // groups.shape[1])
    if len(groups) > share:
        groups = groups[rng.choice(len(groups), share, replace=False)]
    vectors = groups.reshape(-1, groups.shape[-1])
    D = _some(vectors, k, rng)
    for _ in range(_ROUNDS):
        P = _rows(*_pursue(groups, D, lookups, atoms_of), k)
        D = _least_squares(P, vectors)
        lost = ~D.any(axis=1)
        if lost.any():
            D[lost] = _worst(vectors - P @ D, int(lost.sum()))
        D = _unit(D)
    return D


def _some(vectors: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` directions of the vectors, longer ones more often; random ones where there are not enough."""
    weights = np.square(vectors).sum(axis=1)
    found = min(count, int(np.count_nonzero(weights)))
    chosen = rng.choice(len(vectors), found, replace=False, p=weights / weights.sum()) if found else np.zeros(0, int)
    return _unit(np.concatenate([vectors[chosen], rng.normal(size=(count - found, vectors.shape[1]))]))


def _worst(residual: np.ndarray, count: int) -> np.ndarray:
    """The `count` vectors that are represented worst, in the place of atoms that nobody uses."""
    order = np.argsort(-np.square(residual).sum(axis=1))[:count]
    return residual[np.resize(order, count)]


def _least_squares(P: scipy.sparse.csr_array, W: np.ndarray) -> np.ndarray:
    """The D with the least |W - P D|; rows that P does not use are 0."""
    gram, right = (P.T @ P).toarray(), P.T @ W
    gram[np.diag_indices_from(gram)] += 1e-9 * (gram.diagonal().max() or 1.0)
    return scipy.linalg.solve(gram, right, assume_a="pos")


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def _pursue(groups: np.ndarray, D: np.ndarray, lookups: int, atoms_of: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Atoms (G, s) and coefficients (G, g, s), `lookups` s of each group of vectors (G, g, m); D's rows of length 1.

    Simultaneous orthogonal matching pursuit; in blocks of `atoms_of` atoms where these are looked up together. An
    atom of 0 fills up the last block; it may be among those found, and its coefficients are 0.
    """
    D = np.pad(D, ((0, -len(D) % atoms_of), (0, 0)))
    gram = D @ D.T
    chunks = (_products(groups[i : i + _CHUNK], D) for i in range(0, len(groups), _CHUNK))
    found = [_pursue_chunk(products, gram, lookups // atoms_of, atoms_of) for products in chunks]
    chosen, coefficients = zip(*found, strict=True)
    return np.concatenate(chosen), np.concatenate(coefficients)


def _products(groups: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Of every vector and atom, (G, g, k), by one product of two matrices."""
    return (groups.reshape(-1, groups.shape[-1]) @ D.T).reshape(*groups.shape[:-1], len(D))


def _pursue_chunk(products: np.ndarray, gram: np.ndarray, count: int, atoms_of: int) -> tuple[np.ndarray, np.ndarray]:
    """As _pursue, `count` blocks from the products of all vectors and atoms (G, g, k) and of the atoms (k, k)."""
    rows = np.arange(len(products))
    chosen = np.empty((len(products), 0), np.intp)
    coefficients = np.empty((*products.shape[:2], 0))
    for _ in range(count):
        residual = products - coefficients @ gram[chosen] if chosen.size else products
        left = np.einsum("gvk,gvk->gk", residual, residual)
        left[rows[:, None], chosen] = -1
        block = left.reshape(len(left), -1, atoms_of).sum(axis=2).argmax(axis=1)[:, None]
        chosen = np.concatenate([chosen, block * atoms_of + np.arange(atoms_of)], axis=1)
        among = gram[chosen[:, :, None], chosen[:, None, :]] + 1e-10 * np.eye(chosen.shape[1])
        right = np.take_along_axis(products, chosen[:, None, :], axis=2)
        coefficients = np.linalg.solve(among, right.swapaxes(1, 2)).swapaxes(1, 2)
    return chosen, coefficients


def _spread(chosen: np.ndarray, coefficients: np.ndarray, k: int) -> np.ndarray:
    """P (G, g, k) of what _pursue found."""
    P = np.zeros((*coefficients.shape[:2], max(k, chosen.max(initial=0) + 1)))
    np.put_along_axis(P, np.broadcast_to(chosen[:, None, :], coefficients.shape), coefficients, axis=2)
    return P[..., :k]


def _rows(chosen: np.ndarray, coefficients: np.ndarray, k: int) -> scipy.sparse.csr_array:
    """The same P, (G * g, k), as a sparse matrix."""
    atoms = np.broadcast_to(chosen[:, None, :], coefficients.shape)
    starts = np.arange(0, coefficients.size + 1, coefficients.shape[-1])
    width = max(k, chosen.max(initial=0) + 1)
    return scipy.sparse.csr_array((coefficients.ravel(), atoms.ravel(), starts), shape=(len(starts) - 1, width))[:, :k]
