"""How many of the test images each engine has right, in the precision that it computes in."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lcnn_engine.images.preprocessing import as_batch
from lcnn_train.data import cifar, idx

from ..comparison.engines import ENGINES
from ..comparison.matchups import Entry
from ..comparison.worker_process import Worker, cores
from ..networks.model_files import model_file, network

AT_ONCE = 2000  # images that a worker predicts together
_Z = 1.959964  # of a 95% interval


@dataclass(frozen=True)
class LabelledImages:
    """Images, uint8 (N, H, W) or (N, H, W, C), and their labels (N,)."""

    images: np.ndarray
    labels: np.ndarray


def load_test(dataset: str, data: str | None = None) -> LabelledImages:
    """Load the test images of a data set from the folder ``data``, or where it is found. Raises DataError."""
    found = (cifar if dataset in cifar.SETS else idx).load(dataset, "test", data)
    return LabelledImages(found.images, found.labels)


def interval(right: int, count: int) -> tuple[float, float]:
    """Return the 95% interval of a share by Wilson's formula, in percent."""
    share, square = right / count, _Z**2 / count
    middle, half = share + square / 2, _Z * math.sqrt((share * (1 - share) + square / 4) / count)
    return 100 * (middle - half) / (1 + square), 100 * (middle + half) / (1 + square)


def count_right(entry: Entry, test: LabelledImages) -> int:
    """Count the test images that an engine answers right. Raises WorkerError, ConversionError."""
    graph, _ = network(entry.network)
    path = model_file(entry.network, ENGINES[entry.engine].suffix)
    right = 0
    with tempfile.TemporaryDirectory() as folder, Worker(entry.engine, 1) as worker:
        source, made = Path(folder) / "in.npy", Path(folder) / "out.npy"
        for first in range(0, len(test.labels), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            batch, _ = as_batch(list(test.images[part]), graph.input.shape, graph.preprocessing)
            np.save(source, np.ascontiguousarray(batch, np.float32))
            places = {"path": str(path), "images": str(source), "output": str(made)}
            worker.ask("load", threads=1, cores=sorted(cores(1)), **places)
            right += int((np.load(made).argmax(axis=-1) == test.labels[part]).sum())
    return right
