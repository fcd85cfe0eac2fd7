"""An ONNX file becomes a graph and its tensors: all steps of this folder, one after the other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import ModelFormatError
from ...format.graph_json import preprocessing_from_object
from ...model.graph import Graph, Input, Preprocessing, Resize, Shape
from ...utils.messages import shown
from .layout import Value
from .reading import Source, read
from .simplify import simplified
from .sparsity import with_lookups
from .translation import NotTakenError, translate

__all__ = ["Converted", "convert"]


class Converted(NamedTuple):
    """A network, its tensors by ``<node>/<tensor>``, and notes on what was changed on the way.

    ``values`` are those of the ONNX model, by their names there, that are the input or what a node gives, and how they
    lie there: so network and model can be held to each other node by node.
    """

    graph: Graph
    tensors: dict[str, np.ndarray]
    notes: list[str]
    values: dict[str, Value]


def convert(
    source: Source,
    labels: Sequence[str] | None,
    preprocessing: Preprocessing | Mapping[str, Any] | str | None,
    name: str | None,
    input_size: tuple[int, int] | None,
    output: str | None,
) -> Converted:
    """Convert an ONNX model. Raises ModelFormatError, which names the file."""
    path = os.fsdecode(source) if isinstance(source, (str, os.PathLike)) else None
    try:
        model = read(source)
        translated = translate(model, input_size, output)
        builder = translated.builder
        nodes, tensors, result, held = simplified(builder.nodes, builder.tensors, translated.output)
        nodes, tensors = with_lookups(nodes, tensors, builder.shapes, result)
        shape = builder.shapes[translated.source]
        graph = Graph(
            name=name or (Path(path).stem if path is not None else model.name) or "onnx",
            input=Input(translated.source, shape),
            output=result,
            nodes=tuple(nodes),
            labels=None if labels is None else tuple(labels),
            preprocessing=_preprocessing_of(preprocessing, shape),
        )
        graph.check()
        _check_finite(tensors)
    except NotTakenError as error:
        error.args = (f"{path}: {error}",) if path is not None else error.args
        raise
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}" if path is not None else str(error)) from None
    held = {translated.source: translated.source, **{old: new for old, new in held.items() if new in graph.by_name}}
    values = {
        name: replace(value, node=held[value.node]) for name, value in translated.values.items() if value.node in held
    }
    return Converted(graph, tensors, translated.notes, values)


def _check_finite(tensors: dict[str, np.ndarray]) -> None:
    for name, array in tensors.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelFormatError(f"tensor {shown(name)}: expected finite values, found others")


def _preprocessing_of(given: Preprocessing | Mapping[str, Any] | str | None, shape: Shape) -> Preprocessing | None:
    if given is None or isinstance(given, Preprocessing):
        return given
    if isinstance(given, Mapping):
        return preprocessing_from_object(given)
    if given != "imagenet":
        raise ModelFormatError(
            f"expected preprocessing to be a Preprocessing, a dict or 'imagenet', found {shown(given)}"
        )
    if shape[2] != 3:
        raise ModelFormatError(f"expected an input of three channels for 'imagenet', found {shape}")
    edge = round(max(shape[:2]) * 256 / 224)
    return Preprocessing(
        mode="RGB", scale=1 / 255, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),
        resize=Resize(policy="shortest_edge", size=edge, resample="bilinear"), crop="center",
    )  # fmt: skip
