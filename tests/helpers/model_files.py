"""A valid model as plain data, to be broken rule by rule, and files written without any check."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, read_model

GraphObject = dict[str, Any]
Tensors = dict[str, np.ndarray]
NAMES = {
    np.dtype("f4"): "F32",
    np.dtype("f2"): "F16",
    np.dtype("i4"): "I32",
    np.dtype("i1"): "I8",
    np.dtype("f8"): "F64",
}


def valid_graph() -> GraphObject:
    """A lookup convolution, a pool, a lookup layer and a dense one: (6, 6, 3) -> two classes."""
    return {
        "name": "valid",
        "input": {"name": "image", "shape": [6, 6, 3]},
        "output": "probabilities",
        "labels": ["no", "yes"],
        "preprocessing": {
            "mode": "RGB",
            "resize": {"policy": "shortest_edge", "size": 8, "resample": "bilinear"},
            "crop": "center",
            "scale": 0.5,
            "mean": [1.0, 2.0, 3.0],
            "std": [1.0, 1.0, 4.0],
        },
        "nodes": [
            {"name": "conv", "op": "lookup_conv2d", "inputs": ["image"], "filters": 4, "kernel_size": [3, 3],
             "strides": [1, 1], "padding": [1, 1, 1, 1], "dilation": [1, 1], "activation": "relu"},
            {"name": "pool", "op": "max_pool2d", "inputs": ["conv"], "pool_size": [2, 2], "strides": [2, 2],
             "padding": [0, 0, 0, 0]},
            {"name": "grouped", "op": "conv2d", "inputs": ["pool"], "filters": 4, "kernel_size": [1, 1], "groups": 2},
            {"name": "sum", "op": "add", "inputs": ["pool", "grouped"], "activation": "leaky_relu", "alpha": 0.25},
            {"name": "norm", "op": "lrn", "inputs": ["sum"], "depth_radius": 2, "bias": 1, "alpha": 0.5, "beta": 0.5},
            {"name": "flat", "op": "flatten", "inputs": ["norm"]},
            {"name": "fc", "op": "lookup_dense", "inputs": ["flat"], "units": 3},
            {"name": "logits", "op": "dense", "inputs": ["fc"], "units": 2},
            {"name": "probabilities", "op": "softmax", "inputs": ["logits"]},
        ],
    }  # fmt: skip


def valid_tensors() -> Tensors:
    """The tensors of :func:`valid_graph`: two atoms in ``conv``, none (no dictionary) in ``fc``."""
    f32 = np.float32
    return {
        "conv/dictionary": np.array([[1, 2, 3], [0.5, -1, 0]], f32),
        "conv/indptr": np.array([0, 2, 2, 3, 5], np.int32),
        "conv/indices": np.array([1, 17, 0, 3, 4], np.int32),
        "conv/coefficients": np.array([1, -2, 0, 0.25, 3], f32),
        "conv/bias": np.array([0, 1, -1, 0.5], f32),
        "grouped/kernel": np.arange(8, dtype=f32).reshape(4, 2, 1, 1),
        "fc/indptr": np.array([0, 1, 3, 3], np.int32),
        "fc/indices": np.array([35, 0, 7], np.int32),
        "fc/coefficients": np.array([1, 2, -3], f32),
        "logits/kernel": np.array([[1, 0, 2], [-1, 3, 0]], f32),
        "logits/bias": np.array([0.5, -0.5], f32),
    }


def metadata() -> dict[str, str]:
    """The metadata of :func:`valid_graph`."""
    return {"format_version": "1", "graph": json.dumps(valid_graph())}


def replaced(**values: Any) -> Tensors:
    """The valid tensors with some changed: ``conv_indptr=[...]`` for ``conv/indptr``, in its dtype; None drops it."""
    tensors = valid_tensors()
    for key, value in values.items():
        name = key.replace("_", "/", 1)
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value if isinstance(value, np.ndarray) else np.array(value, tensors[name].dtype)
    return tensors


def f32(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def node(graph: GraphObject, name: str) -> dict[str, Any]:
    """The node of that name, to be changed in place."""
    return next(item for item in graph["nodes"] if item["name"] == name)


def without(mapping: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """A copy of ``mapping`` that lacks ``keys``, which must be there."""
    missing = set(keys) - mapping.keys()
    assert not missing, missing
    return {key: value for key, value in mapping.items() if key not in keys}


def container(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A safetensors file with any ``header``: bytes as they are, everything else as JSON. ``length`` may lie."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def header_and_data(tensors: Tensors, metadata: object) -> tuple[dict[str, Any], bytes]:
    """An honest header for ``tensors``, in their order, and the bytes that it promises."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name, array in tensors.items():
        end = len(data) + array.nbytes
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [len(data), end]}
        data += array.tobytes()
    return header, data


def valid_header() -> tuple[dict[str, Any], bytes]:
    """The header and the data of the valid file."""
    return header_and_data(valid_tensors(), metadata())


def file_with_metadata(metadata: object) -> bytes:
    """The valid file but for its metadata; None leaves them out."""
    return container(*header_and_data(valid_tensors(), metadata))


def unchecked_file(graph: object, tensors: Tensors, **metadata: str) -> bytes:
    """A model file of anything: ``graph`` as text, or as what JSON makes of it."""
    text = graph if isinstance(graph, str) else json.dumps(graph)
    return container(*header_and_data(tensors, {"format_version": "1", "graph": text} | metadata))


def in_order(text: str, fragments: Sequence[str]) -> bool:
    """Whether all ``fragments`` stand in ``text``, one after the other."""
    at = 0
    for fragment in fragments:
        found = text.find(fragment, at)
        if found < 0:
            return False
        at = found + len(fragment)
    return True


def refusal(data: bytes, **options: Any) -> str:
    """The message with which ``data`` is refused."""
    with pytest.raises(ModelFormatError) as caught:
        read_model(data, **options)
    return str(caught.value)


def assert_refused(data: bytes, fragments: Sequence[str]) -> None:
    """Check that ``data`` is refused with a message that has ``fragments`` in this order."""
    message = refusal(data)
    assert in_order(message, ("<bytes>: ", *fragments)), message
