"""Accuracy on a data set: of a Keras model, or of a model file as the engine computes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from lcnn_engine import Net
from lcnn_engine.graph import Preprocessing
from lcnn_train.data.idx import Split
from lcnn_train.data.pipeline import evaluation_batches
from lcnn_train.errors import DataError

_BATCH = 50


@dataclass(frozen=True)
class Evaluation:
    """The class given to each picture, and the class it has; both (N,)."""

    predicted: np.ndarray
    labels: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """Numbers of the pictures that were given another class than theirs."""
        return np.flatnonzero(self.predicted != self.labels)

    @property
    def accuracy(self) -> float:
        return 1.0 - len(self.wrong) / len(self.labels)

    def __str__(self) -> str:
        return f"accuracy {self.accuracy:.4f} ({len(self.wrong)} of {len(self.labels)} pictures wrong)"


def evaluate_keras(model: keras.Model, split: Split, preprocessing: Preprocessing) -> Evaluation:
    """Run a Keras model on every picture of a split. Raises DataError if the labels do not fit the model."""
    _check_labels(split, model.output_shape[-1])
    batches = evaluation_batches(split, preprocessing, model.input_shape[1:], _BATCH)
    return _evaluate((x for x, _ in batches), split, lambda x: model.predict_on_batch(x))


def evaluate_file(path: str | os.PathLike[str], split: Split, threads: int | None = None) -> Evaluation:
    """Run a model file through the engine on every picture of a split, by the preprocessing that is in the file.

    Raises the engine's errors for a file that it refuses, DataError if the labels do not fit the model.
    """
    net = Net.load(path, threads=threads)
    _check_labels(split, net.output_shape[-1])
    batches = (split.images[start : start + _BATCH] for start in range(0, len(split), _BATCH))
    return _evaluate((list(batch) for batch in batches), split, net.predict)


def _evaluate(batches: Iterator[Any], split: Split, predict: Callable[[Any], np.ndarray]) -> Evaluation:
    console = Console(stderr=True)
    total = -(-len(split) // _BATCH)
    progress = track(
        batches, "evaluating", total=total, console=console, transient=True, disable=not console.is_terminal
    )
    predicted = np.concatenate([np.argmax(predict(batch), axis=-1) for batch in progress])
    return Evaluation(predicted, split.labels.astype(np.int64))


def _check_labels(split: Split, classes: int) -> None:
    if int(split.labels.max()) >= classes:
        raise DataError(
            f"{split.source}: expected labels below the model's {classes} classes; found {split.labels.max()}"
        )
