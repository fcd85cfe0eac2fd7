"""What is in a data set, which pictures of it cannot be read, and how fast it comes."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lcnn_engine.utils.text import counted
from lcnn_train.config.data import Preprocessing
from lcnn_train.config.experiment import Config
from lcnn_train.data.images import Pictures
from lcnn_train.data.pipeline import evaluation_batches, hold_out, measure_throughput, training_batches
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


def describe_throughput(pictures: Pictures, config: Config, part: str, seconds: float) -> str:
    """Measure, `seconds` long each, how many pictures a second come from the pipeline when nothing else is done."""
    preprocessing = config.preprocessing
    engine, shape, batch = preprocessing.for_engine(), preprocessing.input_shape, config.train.batch_size
    workers = config.data.workers
    plain = measure_throughput(evaluation_batches(pictures, engine, shape, batch, workers=workers), seconds)
    lines = [f"{plain:,.0f} pictures a second, read and prepared in batches of {batch}"]
    if part == "train" and config.augment:
        train, _ = hold_out(pictures, config.data.validation, config.train.seed)
        batches = training_batches(
            train, engine, shape, batch, config.train.seed, 0, 1_000_000, config.augment, workers=workers
        )
        lines.append(f"{measure_throughput(batches, seconds):,.0f} pictures a second, augmented as well")
    return "\n".join(lines)
