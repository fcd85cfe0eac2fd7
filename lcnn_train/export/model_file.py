"""Write a trained Keras model as one model file for lcnn_engine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np

from lcnn_engine import write_model
from lcnn_engine.format.float16 import FP16_TENSORS as FP16_TENSORS
from lcnn_engine.format.float16 import in_float16
from lcnn_engine.format.int8_matrices import with_int8_matrices
from lcnn_engine.utils.moved import former_names
from lcnn_train.errors import ExportError
from lcnn_train.export.builder import GraphBuilder
from lcnn_train.export.converters import register, translate

DType = Literal["float32", "float16", "int8"]


def export(
    model: keras.Model,
    path: str | os.PathLike[str],
    labels: Sequence[str] | None = None,
    preprocessing: dict[str, Any] | None = None,
    dtype: DType = "float32",
    name: str | None = None,
) -> None:
    """Write a functional or Sequential model to `path`, whole or not at all.

    Args:
        model: with one input and one output of fixed sizes; any mix of lookup and ordinary layers.
        labels: names of the classes.
        preprocessing: image to what the model takes, in the words of lcnn_engine/format/MODEL_FORMAT.md. A model that
            begins with Resizing or CenterCrop says it itself, with what it scales there, and takes none.
        dtype: of dictionaries, coefficients and kernels; float16 halves the file and rounds to 11 bits;
            a tensor of numbers too small for that, under 6e-5, stays float32. int8 is float16 but for the matrices of
            dense layers, kernel or dictionary: 8 bits, and a scale for each row.
        name: of the model; its Keras name unless given.

    Raises ExportError, naming the layer, for what a model file cannot hold, and lcnn_engine's ModelFormatError for
    labels or preprocessing that do not fit the model.
    """
    builder = translate(model)
    write_model(_graph(builder, labels, preprocessing, name or model.name), stored_tensors(builder, dtype), path)


def _graph(
    builder: GraphBuilder, labels: Sequence[str] | None, preprocessing: dict[str, Any] | None, name: str
) -> dict[str, Any]:
    if builder.preprocessing is not None and preprocessing is not None:
        raise ExportError(
            f"model {name}: expected no preprocessing beside a model that resizes or crops images itself, found both; "
            f"leave the argument out, or export the model behind its Resizing and CenterCrop"
        )
    preprocessing = preprocessing or builder.preprocessing
    graph = {"name": name, **builder.graph()}
    if labels is not None:
        graph["labels"] = list(labels)
    if preprocessing is not None:
        graph["preprocessing"] = preprocessing
    return graph


def stored_tensors(builder: GraphBuilder, dtype: DType) -> dict[str, np.ndarray]:
    """Round the tensors to what is stored. Raises ExportError for a value that float16 or float32 cannot hold."""
    if dtype not in get_args(DType):
        raise ExportError(f"dtype must be one of {get_args(DType)}. Received: dtype={dtype!r}")
    stored = builder.tensors()
    if dtype == "int8":
        stored = with_int8_matrices({node.name: node.op for node in builder.nodes}, stored)
    if dtype != "float32":
        stored = in_float16(stored)
    for name, tensor in stored.items():
        if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            raise ExportError(
                f"{name}: expected finite values, found NaN or infinity in {tensor.dtype}{_remedy(dtype)}"
            )
    return stored


def _remedy(dtype: DType) -> str:
    return '; export with dtype="float32"' if dtype != "float32" else ": the training has diverged"


export.register = register  # type: ignore[attr-defined]  # as lcnn_train.export is the function
former_names(__name__, HALVED="FP16_TENSORS")
