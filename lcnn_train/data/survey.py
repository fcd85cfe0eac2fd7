"""What is in a data set, which images of it cannot be read, and how fast it comes."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lcnn_engine.utils.text import counted
from lcnn_train.config.data import Preprocessing
from lcnn_train.config.experiment import Config
from lcnn_train.data.images import Images
from lcnn_train.data.pipeline import evaluation_batches, hold_out, measure_throughput, training_batches
from lcnn_train.data.reader import Reader


def describe(images: Images) -> str:
    """Say how many images and classes there are, and of which class the fewest and the most."""
    counts = np.bincount(images.labels.astype(np.int64), minlength=len(images.classes or ()))
    fewest, most = int(counts.argmin()), int(counts.argmax())
    if counts[fewest] == counts[most]:
        each = f"{counts[most]:,} of each"
    else:
        each = f"from {counts[fewest]:,} of {_named(images, fewest)} to {counts[most]:,} of {_named(images, most)}"
    return f"{counted(len(images), 'image')}, {len(counts):,} classes, {each}"


def _named(images: Images, label: int) -> str:
    return repr(images.classes[label]) if images.classes else f"class {label}"


def scan(images: Images, preprocessing: Preprocessing, seen: Callable[[], object] = lambda: None) -> None:
    """Decode every image; `images.skipped` then has all that cannot be read. `seen` is called after each."""
    reader = Reader(images, preprocessing.for_engine(), None)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda index: reader(index) is None, range(len(images))):
            seen()


def describe_throughput(images: Images, config: Config, part: str, seconds: float) -> str:
    """Measure, `seconds` long each, how many images a second come from the pipeline when nothing else is done."""
    preprocessing = config.preprocessing
    engine, shape, batch = preprocessing.for_engine(), preprocessing.input_shape, config.train.batch_size
    workers = config.data.workers
    plain = measure_throughput(evaluation_batches(images, engine, shape, batch, workers=workers), seconds)
    lines = [f"{plain:,.0f} images a second, read and prepared in batches of {batch}"]
    if part == "train" and config.augment:
        train, _ = hold_out(images, config.data.validation, config.train.seed)
        batches = training_batches(
            train, engine, shape, batch, config.train.seed, 0, 1_000_000, config.augment, workers=workers
        )
        lines.append(f"{measure_throughput(batches, seconds):,.0f} images a second, augmented as well")
    return "\n".join(lines)
