"""What is asked of converted models: real digits for them, how far they changed, and the rows of their report."""

from __future__ import annotations

import keras
import numpy as np

from lcnn_train import lookup_report


def images(digits, shape):
    top, left = (28 - shape[0]) // 2, (28 - shape[1]) // 2
    x = digits.images[:6, top : top + shape[0], left : left + shape[1], None].astype(np.float32) / 255
    return np.repeat(x, shape[2], axis=-1) * np.linspace(1, 0.5, shape[2], dtype=np.float32)


def change(model, lookups, x):
    """The largest change of an output, as a part of the largest output."""
    before, after = (keras.tree.flatten(m.predict(x, verbose=0)) for m in (model, lookups))
    return max(np.abs(a - b).max() / np.abs(a).max() for a, b in zip(before, after, strict=True))


def rows(model):
    return {row.name: row for row in lookup_report(model).layers}
