"""Reads an ONNX file: its operators, constants, inputs and outputs; no byte outside of its folder.

Weights in files of their own are read only where they lie in the model's folder. The size of every tensor is held to
the bytes that are there before anything is allocated.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from ...errors import ModelFormatError
from ...utils.messages import shown

__all__ = ["MAX_FILE_BYTES", "Model", "Operator", "Source", "read"]

MAX_FILE_BYTES = 2**31 - 1  # of a serialized model: protobuf's own limit
OLDEST_OPSET = 7
DOMAINS = ("", "ai.onnx")

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


@dataclass(frozen=True)
class Operator:
    """A node of an ONNX graph. ``domain`` is empty for ONNX's own operators, "lcnn" for those that we recognise."""

    name: str
    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    domain: str = ""


class Declared(NamedTuple):
    """A value that the model takes or gives: its name, and its sizes where the file says them (else a name or None)."""

    name: str
    dims: tuple[int | str | None, ...] | None


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
    if model.functions:
        names = shown([function.name for function in model.functions])
        remedy = "write them out with onnx.inliner.inline_local_functions"
        raise ModelFormatError(f"expected a model without functions of its own, found {names}; {remedy}")
    graph = model.graph
    tensors = Tensors({tensor.name: tensor for tensor in graph.initializer}, folder)
    if graph.sparse_initializer:
        raise ModelFormatError("expected dense weights, found sparse initializers; export the model without them")
    return Model(
        name=graph.name,
        opset=opset,
        operators=[_operator(node, number, tensors) for number, node in enumerate(graph.node)],
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
    if versions[0] < OLDEST_OPSET:
        remedy = "onnx.version_converter.convert_version makes it newer"
        raise ModelFormatError(f"expected opset {OLDEST_OPSET} or newer, found {versions[0]}; {remedy}")
    return int(versions[0])


def _declared(info: onnx.ValueInfoProto) -> Declared:
    kind = info.type.tensor_type
    if not info.type.HasField("tensor_type") or not kind.HasField("shape"):
        return Declared(info.name, None)
    dims = (dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None for dim in kind.shape.dim)
    return Declared(info.name, tuple(dims))


def _operator(node: onnx.NodeProto, number: int, tensors: Tensors) -> Operator:
    name = node.name or (node.output[0] if node.output else "") or f"{node.op_type}_{number}"
    domain = "" if node.domain in DOMAINS else node.domain
    attributes = {attribute.name: _attribute(attribute, tensors) for attribute in node.attribute}
    return Operator(name, node.op_type, tuple(node.input), tuple(node.output), attributes, domain)


_KINDS = onnx.AttributeProto


def _attribute(attribute: onnx.AttributeProto, tensors: Tensors) -> Any:
    """Give an attribute as Python's own numbers, strings and lists; a tensor as what reads it, a graph as it is."""
    match attribute.type:
        case _KINDS.FLOAT:
            return attribute.f
        case _KINDS.INT:
            return attribute.i
        case _KINDS.STRING:
            return attribute.s.decode(errors="replace")
        case _KINDS.FLOATS:
            return list(attribute.floats)
        case _KINDS.INTS:
            return list(attribute.ints)
        case _KINDS.STRINGS:
            return [text.decode(errors="replace") for text in attribute.strings]
        case _KINDS.TENSOR:
            return tensors.reader(attribute.t)
    return attribute


# ---------------------------------------------------------------------------------------------------------- tensors

_BITS = {
    np.dtype(np.float32): 32, np.dtype(np.float64): 64, np.dtype(np.float16): 16, np.dtype(np.int8): 8,
    np.dtype(np.uint8): 8, np.dtype(np.int16): 16, np.dtype(np.uint16): 16, np.dtype(np.int32): 32,
    np.dtype(np.uint32): 32, np.dtype(np.int64): 64, np.dtype(np.uint64): 64, np.dtype(np.bool_): 8,
}  # fmt: skip
_TYPED = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")


@dataclass(frozen=True)
class _Reader:
    tensors: Tensors
    tensor: onnx.TensorProto

    def __call__(self) -> np.ndarray:
        return self.tensors.read(self.tensor)


@dataclass
class Tensors:
    """The initializers of a model, by name; ``in`` and ``[]``. Floating-point numbers come as float32."""

    protos: Mapping[str, onnx.TensorProto]
    folder: Path | None
    outside: dict[tuple[str, int, int], bytes] = field(default_factory=dict)
    """Pieces of other files that have been read, so that nothing is read twice."""
    taken: dict[str, int] = field(default_factory=dict)

    def __contains__(self, name: object) -> bool:
        return name in self.protos

    def __getitem__(self, name: str) -> np.ndarray:
        """Read the constant of that name. Raises ModelFormatError."""
        return self.read(self.protos[name])

    def reader(self, tensor: onnx.TensorProto) -> _Reader:
        """Make what reads a tensor that is no initializer when it is called."""
        return _Reader(self, tensor)

    def read(self, tensor: onnx.TensorProto) -> np.ndarray:
        """Make the array of a tensor, float32 for every kind of float. Raises ModelFormatError."""
        where = f"tensor {shown(tensor.name)}"
        kind = _kind_of(tensor, where)
        if kind.kind not in "iubfV":
            raise ModelFormatError(f"{where}: expected numbers, found {kind}")
        dims = tuple(tensor.dims)
        if any(size < 0 for size in dims):
            raise ModelFormatError(f"{where}: expected sizes of at least 0, found {shown(dims)}")
        count = math.prod(dims)
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            self._bring_in(tensor, where, count * (_BITS.get(kind, 16) // 8))
        elif tensor.HasField("raw_data") or not any(getattr(tensor, name) for name in _TYPED):
            _check_raw(tensor, where, kind, count)
        elif sum(len(getattr(tensor, name)) for name in _TYPED) * 8 < count:
            raise ModelFormatError(f"{where}: expected {count} values for shape {shown(dims)}, found fewer")
        try:
            array = numpy_helper.to_array(tensor)
        except (ValueError, TypeError) as error:
            raise ModelFormatError(f"{where}: expected values for shape {shown(dims)}, found others: {error}") from None
        return _widened(array)

    def _bring_in(self, tensor: onnx.TensorProto, where: str, size: int) -> None:
        """Put the bytes of a tensor that lie in another file where those of others are."""
        entries = {entry.key: entry.value for entry in tensor.external_data}
        path, offset = self._checked_path(entries.get("location", ""), where), _natural(entries, "offset", where)
        there = path.stat().st_size
        length = _natural(entries, "length", where, there - offset)
        if offset + length > there or length != size:
            expected = f"{size} bytes at {offset} of {shown(entries.get('location'))}"
            raise ModelFormatError(f"{where}: expected {expected}, found {length} of a file of {there}")
        key = (str(path), offset, length)
        if key not in self.outside:
            self.taken[str(path)] = self.taken.get(str(path), 0) + length
            if self.taken[str(path)] > there:
                raise ModelFormatError(f"{where}: expected tensors that share no bytes of {shown(path.name)}")
            with path.open("rb") as stream:
                stream.seek(offset)
                self.outside[key] = stream.read(length)
        tensor.ClearField("external_data")
        tensor.data_location = onnx.TensorProto.DEFAULT
        tensor.raw_data = self.outside[key]

    def _checked_path(self, location: str, where: str) -> Path:
        """Find the file of a tensor's data, in the model's folder or below, links followed."""
        if self.folder is None:
            remedy = "give the path of the model, not its bytes"
            raise ModelFormatError(f"{where}: expected its data in the model, found it in another file; {remedy}")
        folder = self.folder.resolve()
        path = (folder / location).resolve() if location and "\0" not in location else folder
        if not path.is_relative_to(folder) or path == folder:
            raise ModelFormatError(f"{where}: expected its data in a file below {folder}, found {shown(location)}")
        if not path.is_file():
            raise ModelFormatError(f"{where}: expected its data in {shown(str(path))}, found no such file")
        return path


def _natural(entries: Mapping[str, str], key: str, where: str, default: int = 0) -> int:
    text = entries.get(key, "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > 18:
        raise ModelFormatError(f"{where}: expected {key} of its data to be a number of bytes, found {shown(text)}")
    return int(text)


def _kind_of(tensor: onnx.TensorProto, where: str) -> np.dtype:
    try:
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
    except (KeyError, ValueError, TypeError):
        raise ModelFormatError(f"{where}: expected numbers, found data type {tensor.data_type}") from None


def _check_raw(tensor: onnx.TensorProto, where: str, kind: np.dtype, count: int) -> None:
    bits, there = _BITS.get(kind), len(tensor.raw_data)
    short = bits is not None and there * 8 != count * bits
    if short or there * 8 < count * (bits or 2):
        raise ModelFormatError(f"{where}: expected data for shape {shown(tuple(tensor.dims))}, found {there} bytes")


def _widened(array: np.ndarray) -> np.ndarray:
    """Make float32 of every kind of float, as float64 may be; integers stay, those of 4 bits become int8."""
    if array.dtype.kind in "iub":
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        wide = array.astype(np.int8) if "int" in array.dtype.name else array.astype(np.float32)
    return wide
