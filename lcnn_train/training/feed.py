"""The batches that a worker's replicas get: its share of every batch, and of the validation images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lcnn_train.config.experiment import Config
from lcnn_train.data.images import Images
from lcnn_train.data.pipeline import evaluation_batches, steps_per_epoch, training_batches
from lcnn_train.errors import ConfigError
from lcnn_train.training.distribute import Replicas


class Feed:
    """A configuration's images for the replicas.

    batch_size: of all replicas together. steps: of an epoch of the schedule, which need not be once through the data.
    """

    def __init__(self, config: Config, train: Images, validation: Images, replicas: Replicas):
        self.config, self.train, self.validation, self.replicas = config, train, validation, replicas
        settings = config.train
        self.batch_size = settings.batch_size * (replicas.count if settings.batch_per == "replica" else 1)
        parts = replicas.count * settings.accumulate
        if self.batch_size % parts:
            raise ConfigError(
                f"train.batch_size: expected a multiple of {parts}, which is replicas ({replicas.count}) times "
                f"train.accumulate ({settings.accumulate}); found {self.batch_size}"
            )
        self._data_steps = steps_per_epoch(train, self.batch_size)
        self.steps = settings.steps_per_epoch or self._data_steps

    def training(self, first: int) -> Iterator[Any]:
        """Make distributed batches (x, y) of the steps of the run from `first` on, counted from 0, to its last."""
        end = self.config.train.epochs * self.steps
        epoch, step = divmod(first, self._data_steps)
        batches = training_batches(
            self.train,
            self.config.preprocessing.for_engine(),
            self.config.model.input_shape,
            self.batch_size,
            self.config.train.seed,
            epoch,
            math.ceil(end / self._data_steps),
            self.config.augment,
            first_step=step,
            shards=self.replicas.workers,
            shard=self.replicas.task.index,
            workers=self.config.data.workers,
            cache=self.config.data.cache,
        )
        return iter(self.replicas.distribute(batches))

    @property
    def validation_batches(self) -> int:
        """How many batches the validation images make, the same on every worker."""
        return math.ceil(math.ceil(len(self.validation) / self.replicas.workers) / self._rows)

    @property
    def _rows(self) -> int:
        return self.batch_size // self.replicas.workers

    def validating(self) -> Iterator[Any]:
        """Make distributed batches (x, y, weights) of the validation images, filled up with images of weight 0."""
        mine = np.arange(self.replicas.task.index, len(self.validation), self.replicas.workers)
        batches = evaluation_batches(
            self.validation.take(mine),
            self.config.preprocessing.for_engine(),
            self.config.model.input_shape,
            self._rows,
            workers=self.config.data.workers,
            cache=self.config.data.cache,
        )
        rows, shape = self._rows, self.config.model.input_shape

        def fill(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            count = tf.shape(x)[0]
            missing = rows - count
            x = tf.ensure_shape(tf.pad(x, [[0, missing], [0, 0], [0, 0], [0, 0]]), (rows, *shape))
            y = tf.ensure_shape(tf.pad(y, [[0, missing]]), (rows,))
            return x, y, tf.ensure_shape(tf.cast(tf.range(rows) < count, tf.float64), (rows,))

        nothing = (tf.zeros((rows, *shape)), tf.zeros(rows, tf.int64), tf.zeros(rows, tf.float64))
        # Workers may have skipped different numbers of images, and must take the same number of steps.
        endless = batches.map(fill).concatenate(tf.data.Dataset.from_tensors(nothing).repeat())
        return iter(self.replicas.distribute(endless.take(self.validation_batches)))
