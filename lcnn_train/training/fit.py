"""Train the model of a configuration in a run folder; called again on the same folder, go on where it stopped."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import keras
import tensorflow as tf

from lcnn_train.config.experiment import Config
from lcnn_train.config.network_file import read_keras
from lcnn_train.config.training import Train
from lcnn_train.data.images import Images, check_outputs, classes_of
from lcnn_train.data.pipeline import data_errors, hold_out
from lcnn_train.data.sets import load
from lcnn_train.errors import ConfigError, RunError, TrainingError
from lcnn_train.training.checkpoints import Progress, model_variables, read_progress, restore
from lcnn_train.training.distribute import Replicas, open_replicas
from lcnn_train.training.events import EventLog, TensorBoard, TrainingCallback, wants_tensorboard
from lcnn_train.training.extras import freeze_dictionaries, start_from, take_dictionaries
from lcnn_train.training.feed import Feed
from lcnn_train.training.loop import Loop
from lcnn_train.training.run_folder import Run
from lcnn_train.training.screen import Screen
from lcnn_train.training.state import TrainingState


def build_model(config: Config) -> keras.Model:
    """Build the network of a configuration, not compiled, with fresh weights or those of its file."""
    return config.model.build()


def fit(config: Config, folder: str | os.PathLike[str]) -> Progress:
    """Train, or go on training, in a run folder; return how far it has come.

    With several workers each calls it; only the chief, worker 0, needs the folder. Raises DataError if the data set
    cannot be had, RunError if the folder holds another experiment or is in use, ConfigError for replicas that there
    are not, TrainingError if the loss is no longer finite or the other workers are lost.
    """
    settings = config.train
    tensorboard = wants_tensorboard(settings.tensorboard)
    _settle(settings)
    replicas = open_replicas(settings)
    config = _with_classes(config)
    run = Run(Path(folder))
    with ExitStack() as stack:
        stack.enter_context(_tensorflow_errors(replicas))
        stack.enter_context(_precision(settings.precision))
        if replicas.is_chief:
            config = stack.enter_context(run.opened(config))
        train, validation = _splits(config)
        if replicas.is_chief:
            run.keep_labels(train.classes)
        stack.enter_context(data_errors(train, validation))
        # What each machine has its own of.
        own = {"data": {"folder", "workers", "cache"}, "train": {"threads"}, "model": {"file"}}
        replicas.agree(config.model_dump_json(exclude=own), "configuration")
        feed = Feed(config, train, validation, replicas)
        begins = not replicas.is_chief or run.checkpoints.newest() is None
        state = _state(config, replicas, feed, begins)
        progress = state.resume(run)
        callbacks = _callbacks(settings, run, tensorboard and replicas.is_chief, replicas.is_chief)
        Loop(
            settings,
            state.step,
            feed,
            progress,
            save=(lambda: state.save(run, progress)) if replicas.is_chief else (lambda: None),
            checkpoints=run.checkpoints if replicas.is_chief else None,
            averages=state.averages,
            callbacks=callbacks,
            pruning=state.pruning,
        ).run()
        replicas.wait()
        if len(train.skipped):  # validation's among them
            print(train.skipped)
        return progress


def _state(config: Config, replicas: Replicas, feed: Feed, begins: bool) -> TrainingState:
    """What is trained; where the run `begins`, from the weights that it is to start from."""
    keras.utils.set_random_seed(config.train.seed)
    settings = config.train
    with replicas.strategy.scope():
        model = build_model(config)
        if begins and settings.start_from is not None:
            start_from(model, _trained(settings.start_from, "train.start_from"))
        if settings.dictionaries_from is not None:
            if begins:
                take_dictionaries(model, _trained(settings.dictionaries_from, "train.dictionaries_from"))
            freeze_dictionaries(model)
        teacher = settings.distillation and _trained(settings.distillation.teacher, "train.distillation.teacher")
        return TrainingState(model, settings, replicas, feed.batch_size, feed.steps, teacher)


def _trained(path: str, key: str) -> keras.Model:
    """The model of a run folder, its best checkpoint, or of a `.keras` file that a setting names."""
    place = Path(path).expanduser()
    if place.is_dir():
        return load_run(place)[0]
    if place.suffix != ".keras" or not place.is_file():
        raise ConfigError(f"{key}: expected a run folder or a .keras file, found {path!r}")
    return read_keras(place, key)


def _callbacks(settings: Train, run: Run, tensorboard: bool, is_chief: bool) -> list[TrainingCallback]:
    callbacks: list[TrainingCallback] = [Screen(settings.epochs)]
    if is_chief:
        callbacks.append(EventLog(run.event_log, settings.log_steps))
    if tensorboard:
        callbacks.append(TensorBoard(run.tensorboard, settings.log_steps))
    return callbacks


def _settle(settings: Train) -> None:
    """What TensorFlow wants to know before it runs anything."""
    set_threads(settings.threads)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()


def set_threads(threads: int | None) -> None:
    """Give TensorFlow's operations so many threads (None: all cores). Once it has run one, it only warns."""
    if threads is None or tf.config.threading.get_intra_op_parallelism_threads() == threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        warnings.warn(f"train.threads={threads} has no effect: TensorFlow is at work already", stacklevel=2)


@contextmanager
def _precision(name: str) -> Iterator[None]:
    """Layers made meanwhile compute in this Keras policy."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64" if name == "float64" else "float32")
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


@contextmanager
def _tensorflow_errors(replicas: Replicas) -> Iterator[None]:
    """What TensorFlow gives up on, in our words."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise TrainingError(
            f"not enough memory for a step: lower train.batch_size or raise train.accumulate ({_first_line(error)})"
        ) from error
    except tf.errors.OpError as error:
        if replicas.workers == 1:
            raise TrainingError(f"TensorFlow cannot go on: {_first_line(error)}") from error
        raise TrainingError(
            f"worker {replicas.task.index} has lost the others: {_first_line(error)}. Start all workers again: they "
            "go on from the last checkpoint"
        ) from error


def _first_line(error: tf.errors.OpError) -> str:
    """What happened; before it TensorFlow says where in its graph, and on whose behalf."""
    where = ("Graph execution error", "Detected at node", " ", "\t")
    lines = [line for line in str(error.message).splitlines() if line.strip() and not line.startswith(where)]
    return lines[0].strip() if lines else type(error).__name__


def _with_classes(config: Config) -> Config:
    """The configuration with as many classes as its data has, where it does not say how many."""
    if config.model.classes is not None:
        return config
    model = config.model.model_copy(update={"classes": classes_of(load(config.data, "train"))})
    return config.model_copy(update={"model": model})


def _splits(config: Config) -> tuple[Images, Images]:
    """The images to train on and those to choose the checkpoint by."""
    images = load(config.data, "train")
    check_outputs(images, config.model.classes or classes_of(images))
    return hold_out(images, config.data.validation, config.train.seed)


def load_run(folder: str | os.PathLike[str], checkpoint: str = "best") -> tuple[keras.Model, Config, Progress]:
    """Load the model of a run folder with the weights of its `checkpoint`, "best" or "newest"; not compiled.

    Where the run averaged its weights, it gets the averages. Raises RunError if the folder holds no run, or no such
    checkpoint yet.
    """
    run = Run(Path(folder))
    config = run.read_config()
    path = run.checkpoints.best if checkpoint == "best" else run.checkpoints.newest()
    if path is None or not path.is_file():
        raise RunError(f"{folder}: expected a {checkpoint} checkpoint, found none yet")
    model = build_model(config)
    restore(model_variables(model), path, averaged=True)
    return model, config, read_progress(path)
