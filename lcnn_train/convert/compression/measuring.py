"""How long a prediction takes: one picture, one core, medians; several ways in turns, for machines drift."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from lcnn_engine import Net
from lcnn_train.errors import ExportError
from lcnn_train.export.onnx import export_onnx

_ROUNDS = 5
_RUNS = 9  # of one way in a round, the first of which does not count
_SECONDS = 2.0  # that a way may take in all, but for one run a round

Run = Callable[[], object]


def milliseconds_of(path: str | os.PathLike[str], image: np.ndarray) -> float:
    """Say how long a model file takes for one image (H, W, C), as its network takes it, on one core: measured.

    An estimate that needs no measurement can take the place of this function.
    """
    return in_turns({"": engine(path, image)})[""]


def engine(path: str | os.PathLike[str], image: np.ndarray) -> Run:
    """Load a model file, to be run on one core."""
    net = Net.load(path, threads=1)
    x = np.ascontiguousarray(image, np.float32)
    return lambda: net.run(x)


def onnx_runtime(model: keras.Model, folder: Path, image: np.ndarray) -> Run | None:
    """Load a model into ONNX Runtime, to be run on one core; None where this or the package onnx is not installed."""
    try:
        import onnxruntime

        path = folder / "dense.onnx"
        export_onnx(model, path, batch=1)
    except (ImportError, ExportError):
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = {session.get_inputs()[0].name: np.ascontiguousarray(image, np.float32)[None]}
    return lambda: session.run(None, feeds)


def in_turns(ways: Mapping[str, Run]) -> dict[str, float]:
    """Measure the median milliseconds of each way, all of them in turns."""
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, run in ways.items():
            samples[name] += _round(run)
    return {name: 1e3 * float(np.median(own)) for name, own in samples.items()}


def _round(run: Run) -> list[float]:
    """Seconds of the runs of a round; of long ones few."""
    started = time.perf_counter()
    run()
    own: list[float] = []
    while len(own) < _RUNS - 1 and (not own or time.perf_counter() - started < _SECONDS / _ROUNDS):
        begin = time.perf_counter()
        run()
        own.append(time.perf_counter() - begin)
    return own
