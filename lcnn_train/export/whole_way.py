"""The whole way from an image file to the answer: the engine's decoding and resizing beside a training pipeline's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from lcnn_engine import Net
from lcnn_engine.images.preprocessing import as_batch
from lcnn_engine.images.whole_way import WholeWay, ways_apart
from lcnn_train.errors import ExportError

__all__ = ["Pipeline", "compare_whole_way"]

Pipeline = Callable[[Any], Any]  # images, as verify gets them -> what the model takes: a batch, or an array for each


def compare_whole_way(model: keras.Model, net: Net, images: Sequence[Any], pipeline: Pipeline) -> WholeWay:
    """Compare the file's way from images to outputs with `pipeline` and Keras, which may decode and resize otherwise.

    `pipeline` gets `images` and gives what the model takes: an array (N, H, W, C), or one (H, W, C) for each image.
    Raises ExportError for others, and the engine's InputError for images that cannot be read.
    """
    given = [np.asarray(keras.ops.convert_to_numpy(x), np.float32) for x in pipeline(images)]
    found, outputs = as_batch(images, net.input_shape, net.graph.preprocessing)[0], np.asarray(net.predict(images))
    shapes = {x.shape for x in given}
    if len(given) != len(found) or any(len(shape) != len(model.input_shape) - 1 for shape in shapes):
        raise ExportError(
            f"pipeline: expected {len(found)} inputs of shape {model.input_shape[1:]}, one for each image, found "
            f"{len(given)} of {', '.join(map(str, sorted(shapes)))}"
        )
    expected = np.concatenate(
        [np.asarray(keras.ops.convert_to_numpy(model(x[None], training=False))).reshape(1, -1) for x in given]
    )
    same_input = shapes == {tuple(net.input_shape)} == {tuple(model.input_shape[1:])}
    return ways_apart(found if same_input else None, np.stack(given) if same_input else None, outputs, expected)
