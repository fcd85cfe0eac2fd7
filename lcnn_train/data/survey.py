"""What is in a data set, which pictures of it cannot be read, and how fast it comes."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lcnn_engine.utils.text import counted
from lcnn_train.config.data import Preprocessing
from lcnn_train.data.images import Pictures
from lcnn_train.data.reader import Reader


def describe(pictures: Pictures) -> str:
    """How many pictures and classes there are, and of which class the fewest and the most."""
    counts = np.bincount(pictures.labels.astype(np.int64), minlength=len(pictures.classes or ()))
    fewest, most = int(counts.argmin()), int(counts.argmax())
    if counts[fewest] == counts[most]:
        each = f"{counts[most]:,} of each"
    else:
        each = f"from {counts[fewest]:,} of {_named(pictures, fewest)} to {counts[most]:,} of {_named(pictures, most)}"
    return f"{counted(len(pictures), 'picture')}, {len(counts):,} classes, {each}"


def _named(pictures: Pictures, label: int) -> str:
    return repr(pictures.classes[label]) if pictures.classes else f"class {label}"


def scan(pictures: Pictures, preprocessing: Preprocessing, seen: Callable[[], object] = lambda: None) -> None:
    """Decode every picture; `pictures.skipped` then has all that cannot be read. `seen` is called after each."""
    reader = Reader(pictures, preprocessing.for_engine(), None)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda index: reader(index) is None, range(len(pictures))):
            seen()
