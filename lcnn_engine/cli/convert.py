"""``lcnn convert``: an ONNX model becomes a model file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..format.float16 import in_float16
from ..format.int8_matrices import with_int8_matrices
from ..format.model_file import write_model
from ..format.strict_json import parse
from ..interop.loading import onnx_converter
from ..model.graph import Graph, LookupConv2D, LookupDense
from ..utils.text import counted, printable, shape_text
from .loading import limits_of


def run(options: argparse.Namespace) -> int:
    """Write the model file, and say what it holds and what was changed; nothing is written where that fails."""
    labels = None if options.labels is None else Path(options.labels).read_text(encoding="utf-8").splitlines()
    size = None if options.input_size is None else tuple(options.input_size)
    converted = onnx_converter()(
        options.model, labels, _preprocessing(options.preprocessing), Path(options.output).stem, size, options.result
    )
    tensors = converted.tensors
    if options.dtype == "int8":
        tensors = with_int8_matrices({node.name: node.op for node in converted.graph.nodes}, tensors)
    if options.dtype != "float32":
        tensors = in_float16(tensors)
        _check_finite(tensors)
    write_model(converted.graph, tensors, options.output, **limits_of(options))
    for note in converted.notes:
        print(f"note: {printable(note)}")
    if labels is not None and _gives_scores(converted.graph):
        print("note: the model ends without a softmax: what predict shows as percentages are scores")
    print(printable(_summary(converted.graph, options.output)))
    return 0


def _gives_scores(graph: Graph) -> bool:
    """Tell whether a classifier's results are no probabilities by themselves."""
    last = next(node for node in graph.nodes if node.name == graph.output)
    return last.op != "softmax" and getattr(last, "activation", "") != "sigmoid"


def _preprocessing(given: str | None) -> Mapping[str, Any] | str | None:
    if given is None or given == "imagenet":
        return given
    found = parse(Path(given).read_bytes(), given)
    if not isinstance(found, dict):
        raise InputError(f"{given}: expected a JSON object with mode, mean and std, found {type(found).__name__}")
    return found


def _check_finite(tensors: Mapping[str, np.ndarray]) -> None:
    for name, tensor in tensors.items():
        if tensor.dtype == np.float16 and not np.isfinite(tensor).all():
            raise InputError(
                f"tensor {name!r}: expected numbers that float16 holds, found larger ones; leave --dtype out"
            )


def _summary(graph: Graph, path: str) -> str:
    lookups = sum(isinstance(node, (LookupConv2D, LookupDense)) for node in graph.nodes)
    shapes = f"{shape_text(graph.input.shape)} -> {shape_text(graph.output_shape)}"
    return f"{path}: {shapes}, {counted(len(graph.nodes), 'node')}, {lookups} of them with lookups"
