"""A network as ONNX, so that others can check us: every lookup layer as two convolutions, D and the sparse P.

The file computes what the model file computes, in ordinary operations only; it is for comparison, not for speed.
"""

from __future__ import annotations

import os
from pathlib import Path

import keras

from lcnn_engine.interop.dense import two_layer_equivalent
from lcnn_train.errors import ExportError
from lcnn_train.export.network import load_network
from lcnn_train.utils.files import write_atomically


def export_onnx(
    model: keras.Model | str | os.PathLike[str], path: str | os.PathLike[str], batch: int | str = "N"
) -> None:
    """Write `model` to the ONNX file `path`, whole or not at all.

    `model` is a Keras model, or the path of a model file, a `.keras` file or a run folder.

    The file has one input, named as the model's, float32 (batch, H, W, C), and one output named `output` (`output_2`
    where the input is named so), float32 (batch, classes). `batch` is a number of images, or a name to leave it open.
    Preprocessing is not in it.

    Raises ExportError if the package onnx is missing, for a network that is too large for one ONNX file (2 GiB), and as
    `export` does; for a model file as lcnn_engine does.
    """
    try:
        from lcnn_engine.interop.onnx import onnx_model
    except ModuleNotFoundError as error:
        raise ExportError("writing ONNX needs the package onnx: pip install onnx") from error
    graph, tensors = two_layer_equivalent(*load_network(model))
    try:
        data = onnx_model(graph, tensors, batch)
    except ValueError as error:
        raise ExportError(f"{path}: {error}") from error
    write_atomically(path, lambda temporary: Path(temporary).write_bytes(data))
