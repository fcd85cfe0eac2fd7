"""Accuracy on a data set: of a Keras model, or of a model file as the engine computes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from lcnn_engine import Net
from lcnn_engine.model.graph import Preprocessing
from lcnn_train.data.images import Images, Skipped, check_classes
from lcnn_train.data.pipeline import evaluation_batches
from lcnn_train.errors import DataError
from lcnn_train.utils.progress import shown

_BATCH = 50
_TOP = 5


@dataclass(frozen=True)
class Evaluation:
    """Of every image that could be read: the class given to it and the class it has, both (N,).

    numbers: which images of the data set these are. in_top: whether the class it has is among the five likeliest.
    skipped: those that could not be read.
    """

    predicted: np.ndarray
    labels: np.ndarray
    numbers: np.ndarray
    in_top: np.ndarray
    skipped: Skipped

    @property
    def wrong(self) -> np.ndarray:
        """Numbers of the images that were given another class than theirs."""
        return self.numbers[self.predicted != self.labels]

    @property
    def accuracy(self) -> float:
        return 1.0 - len(self.wrong) / len(self.labels)

    @property
    def top5(self) -> float:
        """Share of the images whose class is among the five likeliest."""
        return float(self.in_top.mean())

    def __str__(self) -> str:
        metrics = f"accuracy {self.accuracy:.4f}, top-5 {self.top5:.4f}"
        text = f"{metrics} ({len(self.wrong)} of {len(self.labels)} images wrong)"
        return f"{text}\n{self.skipped}" if len(self.skipped) else text


def evaluate_keras(model: keras.Model, images: Images, preprocessing: Preprocessing) -> Evaluation:
    """Run a Keras model on every image of a data set. Raises DataError if the labels do not fit the model."""
    return _evaluate(images, preprocessing, model.input_shape[1:], model.output_shape[-1], model.predict_on_batch)


def evaluate_file(path: str | os.PathLike[str], images: Images, threads: int | None = None) -> Evaluation:
    """Run a model file through the engine on every image of a data set, by the preprocessing that is in the file.

    Raises the engine's errors for a file that it refuses, DataError if the labels do not fit the model.
    """
    net = Net.load(path, threads=threads)
    preprocessing = net.graph.preprocessing
    if preprocessing is None:
        raise DataError(f"{path}: expected a model file with preprocessing, to evaluate it on images; found none")
    return _evaluate(images, preprocessing, net.input_shape, net.output_shape[-1], net.predict)


def _evaluate(
    images: Images,
    preprocessing: Preprocessing,
    input_shape: tuple[int, ...],
    classes: int,
    predict: Callable[[np.ndarray], np.ndarray],
) -> Evaluation:
    check_classes(images, classes)
    batches = evaluation_batches(images, preprocessing, tuple(input_shape), _BATCH, numbered=True)
    count = -(-len(images) // _BATCH)
    found = [
        _judge(predict(x), numbers, images.labels)
        for x, numbers in shown(batches.as_numpy_iterator(), "evaluating", count)
    ]
    if not found:
        raise DataError(f"{images.source}: expected images that can be read; {images.skipped}")
    predicted, labels, numbers, in_top = (np.concatenate(column) for column in zip(*found, strict=True))
    return Evaluation(predicted, labels, numbers, in_top, images.skipped)


def _judge(outputs: np.ndarray, numbers: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...]:
    """Class given, class had, number, and whether the latter is among the likeliest, of each image of a batch."""
    own = labels[numbers].astype(np.int64)
    higher = outputs > outputs[np.arange(len(own)), own][:, None]
    return np.argmax(outputs, axis=-1), own, numbers, higher.sum(axis=1) < _TOP
