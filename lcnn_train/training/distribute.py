"""Replicas: one device, several devices of one process (mirrored), or several processes (multi-worker).

Workers are named by the environment variable TF_CONFIG, as everywhere in TensorFlow:
{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}. Worker 0 is the chief, and the
only one that writes. What only it knows, its checkpoint, the others get from it.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lcnn_train.config.training import Train
from lcnn_train.errors import ConfigError, RunError

# Far enough apart that no two replicas ever draw the same masks of a dropout.
_SEED_STRIDE = 1_000_003


@dataclass(frozen=True)
class Task:
    """This process among the workers of TF_CONFIG; `index` 0 is the chief."""

    workers: tuple[str, ...] = ("localhost",)
    index: int = 0


def read_task(text: str | None) -> Task:
    """Read what TF_CONFIG says; the only worker if it is not set. Raises ConfigError for one that cannot be."""
    if not text:
        return Task()
    try:
        values = json.loads(text)
        cluster = {kind: list(addresses) for kind, addresses in values.get("cluster", {}).items()}
        task = values.get("task", {"type": "worker", "index": 0})
        kind, index = task["type"], int(task["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            'TF_CONFIG: expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}; '
            f"found {text[:120]!r}"
        ) from error
    if not cluster:
        return Task()
    others = sorted(cluster.keys() - {"chief", "worker"})
    if others:
        raise ConfigError(f"TF_CONFIG: expected a cluster of workers (and a chief); found {', '.join(others)}")
    if not 0 <= index < len(cluster.get(kind, [])):
        raise ConfigError(f"TF_CONFIG: expected a task of the cluster; found {kind} {index}")
    workers = [*cluster.get("chief", []), *cluster.get("worker", [])]
    return Task(tuple(workers), index + (len(cluster.get("chief", [])) if kind == "worker" else 0))


@dataclass(frozen=True)
class Replicas:
    """A strategy, and this process' place in it."""

    strategy: tf.distribute.Strategy
    task: Task = Task()

    @property
    def count(self) -> int:
        """Of all workers together."""
        return self.strategy.num_replicas_in_sync

    @property
    def workers(self) -> int:
        return len(self.task.workers)

    @property
    def here(self) -> int:
        """Replicas of this process."""
        return self.count // self.workers

    @property
    def is_chief(self) -> bool:
        return self.task.index == 0

    def distribute(self, batches: tf.data.Dataset) -> Any:
        """Cut this worker's share of every batch into equal parts for its replicas."""

        def cut(*tensors: tf.Tensor) -> tf.data.Dataset:
            parts = [tf.reshape(t, (self.here, t.shape[0] // self.here, *t.shape[1:])) for t in tensors]
            return tf.data.Dataset.from_tensor_slices(tuple(parts))

        share = batches if self.here == 1 else batches.flat_map(cut)
        return self.strategy.distribute_datasets_from_function(lambda context: share)

    def sum(self, values: Any) -> tf.Tensor:
        """Sum over all replicas what `strategy.run` gave."""
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)

    def spread_seeds(self, model: keras.Model) -> None:
        """Give the dropouts of each replica seeds of their own; those of the first stay as they are."""
        states = [v for v in model.variables if v.name == "seed_generator_state"]
        if self.count == 1 or not states:
            return

        def move() -> None:
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            for state in states:
                value = tf.convert_to_tensor(state.value)
                offset = tf.cast(number * _SEED_STRIDE, value.dtype)
                state.value.assign(value + tf.stack([offset, tf.zeros_like(offset)]))

        self.strategy.run(tf.function(move))

    def share(self, variables: Sequence[keras.Variable]) -> None:
        """Set variables on all workers to what they are on the chief."""
        if self.workers == 1:
            return
        for variable in variables:
            value = self._from_chief(np.asarray(keras.ops.convert_to_numpy(variable)))
            variable.assign(value)

    def share_text(self, text: str) -> str:
        """Give every worker the chief's text."""
        if self.workers == 1:
            return text
        data = np.frombuffer(text.encode(), np.uint8)
        length = int(self._from_chief(np.array([len(data)], np.int64))[0])
        if length == 0:
            return ""
        buffer = np.zeros(length, np.uint8)
        if self.is_chief:
            buffer[:] = data
        return self._from_chief(buffer).tobytes().decode()

    def wait(self) -> None:
        """Wait until every worker is here."""
        self.share_text("")

    def agree(self, text: str, what: str) -> None:
        """Raise RunError, on every worker, unless all have the same text."""
        differs = self.share_text(text) != text
        if self.workers > 1 and self._summed(np.array([differs], np.int64))[0]:
            raise RunError(f"expected the same {what} on every worker; found others than the chief's")

    def _from_chief(self, array: np.ndarray) -> np.ndarray:
        # TensorFlow sums no booleans and no single bytes between processes.
        carrier = np.int32 if array.dtype in (np.bool_, np.uint8) else array.dtype
        mine = array.astype(carrier) if self.is_chief else np.zeros(array.shape, carrier)
        return self._summed(mine).astype(array.dtype)

    def _summed(self, array: np.ndarray) -> np.ndarray:
        """The sum over workers; only the first replica of each counts."""
        add = _adder(self.strategy, self.here, array.dtype.name)
        results = self.strategy.experimental_local_results(add(tf.constant(array.reshape(-1))))
        return np.asarray(results[0]).reshape(array.shape)


@functools.cache
def _adder(strategy: tf.distribute.Strategy, here: int, dtype: str) -> Any:
    """A vector, of any length, to the sum of those of all workers: of the first of the `here` replicas of each."""

    def one(values: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        first = context.replica_id_in_sync_group % here == 0
        return context.all_reduce(tf.distribute.ReduceOp.SUM, values * tf.cast(first, values.dtype))

    return tf.function(lambda values: strategy.run(one, args=(values,)), [tf.TensorSpec([None], dtype)])


def open_replicas(settings: Train) -> Replicas:
    """Open the replicas that a configuration asks for, before TensorFlow has run anything.

    Raises ConfigError if they cannot be had, RunError if the other workers cannot be reached.
    """
    task = read_task(os.environ.get("TF_CONFIG"))
    kind = settings.strategy
    if kind == "auto":
        several = (settings.replicas or len(tf.config.list_physical_devices("GPU"))) > 1
        kind = "multi-worker" if len(task.workers) > 1 else "mirrored" if several else "single"
    if kind == "multi-worker":
        return _multi_worker(settings, task)
    if len(task.workers) > 1:
        raise ConfigError(f"train.strategy: expected auto or multi-worker, as TF_CONFIG names workers; found {kind}")
    if kind == "mirrored":
        return Replicas(tf.distribute.MirroredStrategy(_devices(settings.replicas)))
    if settings.replicas not in (None, 1):
        raise ConfigError(f"train.replicas: expected 1, as train.strategy is single; found {settings.replicas}")
    return Replicas(tf.distribute.get_strategy())


def _multi_worker(settings: Train, task: Task) -> Replicas:
    if settings.replicas is not None:
        _devices(settings.replicas)
    try:
        return Replicas(tf.distribute.MultiWorkerMirroredStrategy(), task)
    except (tf.errors.OpError, RuntimeError) as error:
        raise RunError(f"worker {task.index} at {task.workers[task.index]} cannot start: {error}") from error


def _devices(count: int | None) -> list[str]:
    """The first GPUs, or as many logical devices of the processor where there is none."""
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    physical = tf.config.list_physical_devices(kind)
    count = count or len(physical)
    try:
        if kind == "CPU":
            logical = [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
            if len(tf.config.get_logical_device_configuration(physical[0]) or "1") != count:
                tf.config.set_logical_device_configuration(physical[0], logical)
        elif count > len(physical):
            raise ConfigError(f"train.replicas: expected at most the {len(physical)} GPUs there are; found {count}")
        else:
            tf.config.set_visible_devices(physical[:count], "GPU")
    except RuntimeError as error:
        raise ConfigError(f"train.replicas={count} has no effect: TensorFlow is at work already") from error
    return [f"{kind}:{number}" for number in range(count)]
