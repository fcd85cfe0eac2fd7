"""What samples say of one layer: the second moments of its inputs, and of these with the outputs that are wanted.

Legend: X the inputs of a layer (rows, taps * m), a row for each position of its output, its window laid flat; Y the
outputs that are wanted, before bias and activation; K the kernel (n, taps * m). Then |X K' - Y|^2 over all rows is
<K G, K> - 2 <K, C> + E with G = X'X, C = Y'X and E = |Y|^2: whatever K is to be, X itself is needed no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lcnn_train.layers.geometry import explicit_padding

_LARGEST = 4096  # columns of one block of G: 128 MiB
_DAMPING = 0.01  # of the mean of G's diagonal, as much as a hundredth of white noise in the inputs


@dataclass(frozen=True)
class Moments:
    """G, C and E of a layer, and what rows are on average.

    G is kept as the blocks on its diagonal, each of whole taps where one fits; where there are several, what is between
    them counts as 0. grams: the blocks. C: (n, taps * m). E: |Y|^2. mean_x, mean_y: of X and Y.
    spread_y: the variances of Y (n,). rows: how many there were.
    """

    grams: tuple[np.ndarray, ...]
    C: np.ndarray
    E: float
    mean_x: np.ndarray
    mean_y: np.ndarray
    spread_y: np.ndarray
    rows: int

    @classmethod
    def of_weights(cls, W: np.ndarray, taps: int) -> Moments:
        """Make those of inputs that know nothing of each other: the error is that of the weights (n, taps * m)."""
        grams = tuple(np.eye(stop - start) for start, stop in blocks(W.shape[1], taps))
        none = np.zeros(W.shape[1])
        return cls(grams, W, float(np.square(W).sum()), none, np.zeros(len(W)), np.square(W).sum(axis=1), 1)

    def times(self, K: np.ndarray) -> np.ndarray:
        """Multiply K (n, taps * m) by G."""
        return self.blockwise(K, lambda part, gram: part @ gram)

    def blockwise(self, K: np.ndarray, function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        """Put together what `function` makes of the columns of K and the block of G that is theirs."""
        if len(self.grams) == 1:
            return function(K, self.grams[0])
        stops = np.cumsum([len(gram) for gram in self.grams])[:-1]
        parts = np.split(K, stops, axis=1)
        return np.concatenate([function(*pair) for pair in zip(parts, self.grams, strict=True)], axis=1)

    def diagonal(self) -> np.ndarray:
        return np.concatenate([gram.diagonal() for gram in self.grams])

    def error(self, K: np.ndarray) -> float:
        """Calculate |X K' - Y| / |Y|; 0 where Y is 0."""
        if not self.E > 0:
            return 0.0
        lost = self.E - 2 * np.vdot(K, self.C) + np.vdot(K, self.times(K))
        return float(np.sqrt(max(lost, 0.0) / self.E))

    def damped(self, W: np.ndarray) -> Moments:
        """Add a little noise to all inputs, which the kernel W shall answer: what few samples leave open stays W's."""
        noise = _DAMPING * float(self.diagonal().mean()) or 1.0
        grams = tuple(gram + noise * np.eye(len(gram)) for gram in self.grams)
        return replace(self, grams=grams, C=self.C + noise * W)

    def scaled(self, scale: np.ndarray) -> Moments:
        """Give the moments of X / scale: their kernel is K * scale."""
        stops = np.cumsum([len(gram) for gram in self.grams])[:-1]
        scales = np.split(scale, stops)
        grams = tuple(gram / np.outer(part, part) for gram, part in zip(self.grams, scales, strict=True))
        return replace(self, grams=grams, C=self.C / scale)

    def through(self, D: np.ndarray, taps: int) -> Moments:
        """Give the moments of S = X D', of the k atoms of D (k, m) at each tap: their kernel is P (n, taps * k).

        Each block of G is to hold whole taps.
        """
        return replace(self, grams=tuple(_composed(gram, D) for gram in self.grams), C=by_atoms(self.C, D, taps))

    def between_channels(self, m: int) -> np.ndarray:
        """Add up what G says of the channels of one tap: (m, m). Each block of G is to hold whole taps."""
        total = np.zeros((m, m))
        for gram in self.grams:
            taps = len(gram) // m
            total += np.einsum("tatb->ab", gram.reshape(taps, m, taps, m))
        return total


def by_atoms(K: np.ndarray, D: np.ndarray, taps: int) -> np.ndarray:
    """Multiply the vectors of K (n, taps * m) by all atoms: (n, taps * k)."""
    return (K.reshape(len(K), taps, -1) @ D.T).reshape(len(K), -1)


def _composed(gram: np.ndarray, D: np.ndarray) -> np.ndarray:
    taps = len(gram) // D.shape[1]
    half = by_atoms(gram, D, taps)
    return by_atoms(np.ascontiguousarray(half.T), D, taps)


def blocks(columns: int, taps: int) -> list[tuple[int, int]]:
    """Cut the columns of X where G would be too large: (start, stop) of each block, at taps where one fits."""
    m = columns // taps
    size = _LARGEST // m * m or _LARGEST
    return [(start, min(start + size, columns)) for start in range(0, columns, size)]


class Collector:
    """Adds up the moments of one layer batch by batch; W (n, taps * m) is its kernel.

    Sums are of X and Y less what they are in the first batch: else float32 would lose inputs that vary little.
    """

    def __init__(self, W: np.ndarray, taps: int):
        self._W, self._blocks = W.astype(np.float32), blocks(W.shape[1], taps)
        self._grams = [np.zeros((stop - start, stop - start)) for start, stop in self._blocks]
        self._C = np.zeros(W.shape)
        self._sums = np.zeros(W.shape[1]), np.zeros(len(W)), np.zeros(len(W))
        self._first: tuple[np.ndarray, np.ndarray] | None = None
        self._rows = 0

    def add(self, X: np.ndarray, wanted: np.ndarray) -> None:
        """Add rows (r, taps * m), float32, and those that the trained network has in their place."""
        Y = wanted @ self._W.T
        if self._first is None:
            self._first = X.mean(axis=0), Y.mean(axis=0)
        X, Y = (values - first for values, first in zip((X, Y), self._first, strict=True))
        for gram, (start, stop) in zip(self._grams, self._blocks, strict=True):
            gram += X[:, start:stop].T @ X[:, start:stop]
        self._C += Y.T @ X
        for total, values in zip(self._sums, (X, Y, np.square(Y)), strict=True):
            total += values.sum(axis=0, dtype=np.float64)
        self._rows += len(X)

    def moments(self, centred: bool) -> Moments:
        """Give the moments; `centred`: of X and Y without their means, for which a bias can make up."""
        assert self._first is not None
        rows, (first_x, first_y) = self._rows, self._first
        x, y, squares = (total / rows for total in self._sums)
        mean_x, mean_y, spread = x + first_x, y + first_y, np.maximum(squares - y * y, 0)
        grams, C = [gram / rows for gram in self._grams], self._C / rows - np.outer(y, x)
        for gram, (start, stop) in zip(grams, self._blocks, strict=True):
            gram -= np.outer(x[start:stop], x[start:stop])
            if not centred:
                gram += np.outer(mean_x[start:stop], mean_x[start:stop])
        if not centred:
            C += np.outer(mean_y, mean_x)
        E = float(spread.sum() + (0 if centred else np.square(mean_y).sum()))
        return Moments(tuple(grams), C, E, mean_x, mean_y, spread, rows)


def windows(layer: Any, X: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Take the windows of at most `most` positions of each image, the same for the same seed: (rows, taps * m).

    `layer` is a Conv2D or a Dense layer, X its input (batch, ..., m).
    """
    rng = np.random.default_rng(seed)
    if not hasattr(layer, "kernel_size"):
        rows = X.reshape(len(X), -1, X.shape[-1])
        return rows[:, _some(rows.shape[1], most, rng)].reshape(-1, X.shape[-1])
    (kh, kw), (sh, sw), (dh, dw) = layer.kernel_size, layer.strides, layer.dilation_rate
    top, bottom, left, right = explicit_padding(layer.padding, X.shape[1:3], (kh, kw), (sh, sw), (dh, dw))
    X = np.pad(X, ((0, 0), (top, bottom), (left, right), (0, 0)))
    height, width = (X.shape[1] - (kh - 1) * dh - 1) // sh + 1, (X.shape[2] - (kw - 1) * dw - 1) // sw + 1
    i, j = np.divmod(_some(height * width, most, rng), width)
    rows = (i * sh)[:, None, None] + (np.arange(kh) * dh)[:, None]
    columns = (j * sw)[:, None, None] + np.arange(kw) * dw
    return X[:, rows, columns].reshape(-1, kh * kw * X.shape[-1])


def _some(count: int, most: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(count) if count <= most else rng.choice(count, most, replace=False)
