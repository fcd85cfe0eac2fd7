"""Batches of wide images, as a training gets them."""

from __future__ import annotations

from lcnn_train.config.data import Preprocessing
from lcnn_train.data.pipeline import training_batches

WIDE = Preprocessing(mode="RGB", size=[56, 56], shortest_edge=64, mean=[128.0] * 3, std=[1.0] * 3, scale=1.0)
WIDE_SHAPE = WIDE.input_shape


def training(images, first_epoch=0, epochs=2, augment=(), size=8, **more):
    batches = training_batches(images, WIDE.for_engine(), WIDE_SHAPE, size, 5, first_epoch, epochs, augment, **more)
    return [(x.numpy(), y.numpy()) for x, y in batches]
