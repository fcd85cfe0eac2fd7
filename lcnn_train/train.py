"""Train the model of a configuration in a run folder; called again on the same folder, go on where it stopped.

A run folder holds config.json (the whole configuration), log.csv (a row an epoch) and checkpoints/.
"""

from __future__ import annotations

import fcntl
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from lcnn_train.callbacks import DensityLogger, RunCheckpoints, ScreenProgress, StopWhenDiverged, write_log
from lcnn_train.checkpoints import Checkpoints, Progress, read_progress, restore
from lcnn_train.config import Config, parse_config
from lcnn_train.data import idx
from lcnn_train.data.pipeline import evaluation_batches, hold_out, steps_per_epoch, training_batches
from lcnn_train.errors import DataError, RunError
from lcnn_train.files import write_atomically
from lcnn_train.interrupts import StopWhenInterrupted
from lcnn_train.training.settings import LearningRate

# What may differ when a run is resumed: where the data lies and how many cores there are do not change the result.
_MAY_DIFFER = (("data", "folder"), ("train", "threads"))


@dataclass(frozen=True)
class Run:
    """A run folder and what is in it."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def log(self) -> Path:
        return self.folder / "log.csv"

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.folder / "checkpoints")


def build_model(config: Config) -> keras.Model:
    """The network of a configuration, with fresh weights and not compiled."""
    return config.model.build()


def fit(config: Config, folder: str | os.PathLike[str]) -> Progress:
    """Train, or go on training, in a run folder; return how far it has come.

    Raises DataError if the data set cannot be had, RunError if the folder holds another experiment or is in use.
    """
    run = Run(Path(folder))
    with _opened(run, config):
        train, validation = _splits(config)
        set_threads(config.train.threads)
        keras.utils.set_random_seed(config.train.seed)
        steps = steps_per_epoch(train, config.train.batch_size)
        model = build_model(config)
        # XLA makes a step of these networks twice as long on a CPU, and "auto" would take it.
        model.compile(
            _optimizer(config, steps), "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False
        )
        progress = _resume(model, run)
        if progress.epoch < config.train.epochs:
            _fit_epochs(model, config, run, progress, train, validation)
        return progress


def _fit_epochs(
    model: keras.Model, config: Config, run: Run, progress: Progress, train: idx.Split, validation: idx.Split
) -> None:
    settings, preprocessing, input_shape = config.train, config.preprocessing.for_engine(), config.model.input_shape
    with StopWhenInterrupted() as interrupts:
        model.fit(
            training_batches(
                train,
                preprocessing,
                input_shape,
                settings.batch_size,
                settings.seed,
                progress.epoch,
                settings.epochs,
                config.augment,
            ),
            steps_per_epoch=steps_per_epoch(train, settings.batch_size),
            initial_epoch=progress.epoch,
            epochs=settings.epochs,
            validation_data=evaluation_batches(validation, preprocessing, input_shape, settings.batch_size),
            callbacks=[
                interrupts,
                StopWhenDiverged(),
                DensityLogger(),
                ScreenProgress(settings.epochs),
                RunCheckpoints(run.checkpoints, progress, run.log, settings.max_lookup_multiplications),
            ],
            shuffle=False,  # the batches come shuffled already
            verbose=0,
        )


def set_threads(threads: int | None) -> None:
    """Give TensorFlow's operations so many threads (None: all cores). Once it has run one, it only warns."""
    if threads is None or tf.config.threading.get_intra_op_parallelism_threads() == threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        warnings.warn(f"train.threads={threads} has no effect: TensorFlow is at work already", stacklevel=2)


def _splits(config: Config) -> tuple[idx.Split, idx.Split]:
    """The pictures to train on and those to choose the checkpoint by."""
    split = idx.load(config.data.dataset, "train", config.data.folder)
    if int(split.labels.max()) >= config.model.classes:
        raise DataError(
            f"{split.source}: expected labels below model.classes = {config.model.classes}; found {split.labels.max()}"
        )
    return hold_out(split, config.data.validation, config.train.seed)


def _optimizer(config: Config, steps: int) -> keras.optimizers.Optimizer:
    settings = config.train.optimizer
    rate = _learning_rate(config.train.learning_rate, config.train.epochs, steps)
    decay = settings.weight_decay or None
    if settings.name == "sgd":
        return keras.optimizers.SGD(rate, momentum=settings.momentum, weight_decay=decay)
    if settings.name == "adam":
        return keras.optimizers.Adam(rate, weight_decay=decay)
    return keras.optimizers.Adagrad(rate, weight_decay=decay)


def _learning_rate(settings: LearningRate, epochs: int, steps: int) -> Any:
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(settings.initial, epochs * steps)
    if settings.schedule == "piecewise":
        # A boundary is the last step of the rate before it.
        boundaries = [(epoch - 1) * steps - 1 for epoch in settings.epochs[1:]]
        return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, settings.rates)
    return settings.initial


def _resume(model: keras.Model, run: Run) -> Progress:
    newest = run.checkpoints.newest()
    if newest is None:
        return Progress()
    model.optimizer.build(model.trainable_variables)
    progress = restore(model, newest)
    run.checkpoints.tidy(progress)
    write_log(run.log, progress.history)
    return progress


@contextmanager
def _opened(run: Run, config: Config) -> Iterator[None]:
    """Make or open a run folder for one process; raise RunError if another has it, or if it is another experiment's."""
    if run.folder.exists() and not run.folder.is_dir():
        raise RunError(f"{run.folder}: expected a folder for the run, found a file")
    run.folder.mkdir(parents=True, exist_ok=True)
    with (run.folder / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(f"{run.folder}: another lcnn-train fit is at work in this folder") from error
        _settle_config(run, config)
        yield


def _settle_config(run: Run, config: Config) -> None:
    values = config.model_dump(mode="json")
    if run.config.exists():
        stored = json.loads(run.config.read_text(encoding="utf-8"))
        different = _differences(stored, values)
        if different:
            raise RunError(
                f"{run.folder}: expected the configuration that this run began with; it differs in "
                f"{', '.join(different)}. Name another folder with --run, or go back to the former values."
            )
    text = json.dumps(values, indent=2) + "\n"
    write_atomically(run.config, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _differences(stored: Any, values: dict[str, Any], path: tuple[str, ...] = ()) -> list[str]:
    """Keys, as section.key, in which two configurations differ and may not."""
    different = []
    for key, value in values.items():
        here = (*path, key)
        old = stored.get(key) if isinstance(stored, dict) else None
        if isinstance(value, dict):
            different += _differences(old, value, here)
        elif old != value and here not in _MAY_DIFFER:
            different.append(".".join(here))
    return different


def load_run(folder: str | os.PathLike[str], checkpoint: str = "best") -> tuple[keras.Model, Config, Progress]:
    """The model of a run folder with the weights of its `checkpoint`, "best" or "newest"; not compiled.

    Raises FileNotFoundError or RunError if the folder holds no run, or no such checkpoint yet.
    """
    run = Run(Path(folder))
    if not run.config.is_file():
        raise RunError(f"{folder}: expected the folder of a run of lcnn-train fit, found no config.json in it")
    config = parse_config(json.loads(run.config.read_text(encoding="utf-8")), str(run.config))
    path = run.checkpoints.best if checkpoint == "best" else run.checkpoints.newest()
    if path is None or not path.is_file():
        raise RunError(f"{folder}: expected a {checkpoint} checkpoint, found none yet")
    model = build_model(config)
    restore(model, path)
    return model, config, read_progress(path)
