"""Reads the tensors of an ONNX file as arrays; no byte outside of its folder.

Weights in files of their own are read only where they lie in the model's folder. The size of every tensor is held to
the bytes that are there before anything is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from ...errors import ModelFormatError
from ...utils.messages import shown

__all__ = ["FLOATS", "Tensors"]

FLOATS = tuple(getattr(onnx.TensorProto, name) for name in ("FLOAT", "FLOAT16", "DOUBLE", "BFLOAT16"))
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
    """Make float32 of every kind of float, as float64 may be; integers stay.

    Those of 4 bits or 2 become int8, whose dtype says in its metadata which ``range`` they have.
    """
    if array.dtype.kind in "iub":
        return array
    name = array.dtype.name
    with np.errstate(over="ignore", invalid="ignore"):
        if "int" not in name:
            return array.astype(np.float32)
        span = 2 ** int(name[-1])
        least = 0 if name.startswith("u") else -span // 2
        return array.astype(np.dtype(np.int8, metadata={"range": (least, least + span - 1)}))
