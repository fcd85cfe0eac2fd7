"""Reads an ONNX file: its operators, constants, inputs and outputs."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import onnx
from google.protobuf.message import DecodeError

from ...errors import ModelFormatError
from ...utils.messages import shown
from .nodes import DOMAINS, Operator, written_out
from .tensors import Tensors

__all__ = ["MAX_FILE_BYTES", "Declared", "Model", "Source", "read"]

MAX_FILE_BYTES = 2**31 - 1  # of a serialized model: protobuf's own limit
OLDEST_OPSET, NEWEST_OPSET = 7, 2**15

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


class Declared(NamedTuple):
    """A value that the model takes or gives: its name, its sizes where the file says them (else a name or None), and
    what kind of numbers it has, as ``TensorProto.DataType`` counts them.
    """

    name: str
    dims: tuple[int | str | None, ...] | None
    kind: int = onnx.TensorProto.FLOAT


@dataclass
class Model:
    """What a file holds. ``tensors`` gives a constant by its name, read when it is asked for."""

    name: str
    opset: int
    operators: list[Operator]
    tensors: Tensors
    inputs: list[Declared]
    outputs: list[Declared]


def read(source: Source) -> Model:
    """Read a model from a path, its bytes, or a file open for reading bytes.

    Raises ModelFormatError for what is no ONNX model, breaks a rule, or is older than opset 7; FileNotFoundError.
    """
    data, folder = _bytes_of(source)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise ModelFormatError("expected an ONNX model, found bytes that are none, or a file cut short") from None
    if not model.graph.node:
        raise ModelFormatError("expected an ONNX model with operators, found none; the file may be cut short")
    opset = _opset_of(model)
    graph = model.graph
    tensors = Tensors({tensor.name: tensor for tensor in graph.initializer}, folder)
    if graph.sparse_initializer:
        raise ModelFormatError("expected dense weights, found sparse initializers; export the model without them")
    return Model(
        name=graph.name,
        opset=opset,
        operators=written_out(graph.node, model.functions, opset, tensors),
        tensors=tensors,
        inputs=[_declared(info) for info in graph.input if info.name not in tensors],
        outputs=[_declared(info) for info in graph.output],
    )


def _bytes_of(source: Source) -> tuple[bytes, Path | None]:
    """Give the file's bytes, and the folder it lies in; None where it is no path."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), None
    if hasattr(source, "read"):
        data = source.read(MAX_FILE_BYTES + 1)
        if not isinstance(data, bytes):
            raise ModelFormatError(f"expected a file open for reading bytes, found one that gives {shown(type(data))}")
        return _no_larger(data, len(data)), None
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"expected a path, bytes, or a file open for reading bytes, got {type(source).__name__}")
    path = Path(os.fsdecode(source))
    if "\0" in str(path):
        raise ModelFormatError("expected the path of an ONNX file, found one with a null character")
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
        raise ModelFormatError(f"expected an ONNX file, found {kind}")
    _no_larger(b"", status.st_size)
    return path.read_bytes(), path.parent


def _no_larger(data: bytes, size: int) -> bytes:
    if size > MAX_FILE_BYTES:
        raise ModelFormatError(f"expected an ONNX file of at most {MAX_FILE_BYTES:,} bytes, found {size:,}")
    return data


def _opset_of(model: onnx.ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in DOMAINS]
    if not versions:
        raise ModelFormatError("expected the version of ONNX's operators (opset_import), found none")
    if versions[0] > NEWEST_OPSET:
        raise ModelFormatError(f"expected an opset of at most {NEWEST_OPSET}, found {versions[0]}")
    if versions[0] < OLDEST_OPSET:
        remedy = "onnx.version_converter.convert_version makes it newer"
        raise ModelFormatError(f"expected opset {OLDEST_OPSET} or newer, found {versions[0]}; {remedy}")
    return int(versions[0])


def _declared(info: onnx.ValueInfoProto) -> Declared:
    kind = info.type.tensor_type
    if not info.type.HasField("tensor_type") or not kind.HasField("shape"):
        return Declared(info.name, None, kind.elem_type)
    dims = (dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None for dim in kind.shape.dim)
    return Declared(info.name, tuple(dims), kind.elem_type)
