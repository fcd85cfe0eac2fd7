"""The container: a safetensors file, read strictly and written the same way every time.

8 bytes little-endian: the header's length. The header: a JSON object that maps each tensor's name to its dtype, shape
and the two ends of its bytes, counted from the header's end, and ``__metadata__`` to a map of strings. Then the bytes.

The ``safetensors`` package is not used here: its reader takes the last of two equal keys and its writer puts the
metadata in an order that changes from run to run.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..errors import ModelFormatError
from ..model.graph import MAX_ELEMENTS, elements
from ..utils.messages import shown
from .strict_json import parse

__all__ = ["Entry", "Header", "dtype_name", "header_of", "read_data", "read_header", "write"]

MAX_HEADER = 16 * 2**20  # bytes; parsing takes some 20 times that at worst. A network of 1000 layers needs about 1 MB
MAX_RANK = 4
DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I32": np.dtype("<i4"),
    "I8": np.dtype("i1"),
}
_CHUNK = 16 * 2**20  # bytes asked of a file object at once: what a header promises need not be there


class Entry(NamedTuple):
    """One tensor of the header: ``DTYPES`` key, shape, and its bytes [begin, end) of the data."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """What stands before the data. ``entries`` cover it without a hole, up to ``data_bytes``."""

    metadata: dict[str, str]
    entries: dict[str, Entry]
    data_bytes: int
    checked: bool
    """Whether the file is known to hold that many."""


def read_header(stream: BinaryIO, file_bytes: int | None) -> Header:
    """Read ``stream`` up to the data. ``file_bytes``: size of the file, where known. Raises ModelFormatError."""
    start = _take(stream, 8)
    if len(start) < 8:
        raise ModelFormatError(f"expected a safetensors file, found one of {len(start)} bytes")
    length = int.from_bytes(start, "little")
    if length > MAX_HEADER:
        raise ModelFormatError(
            f"expected a safetensors file with a header of at most {MAX_HEADER} bytes, found {length}"
        )
    text = _take(stream, length)
    if len(text) < length:
        raise ModelFormatError(f"expected a header of {length} bytes, found a file cut off after {len(text)} of them")
    if not text.startswith(b"{"):
        raise ModelFormatError(f"expected a safetensors header, a JSON object, found {shown(bytes(text[:16]))}")
    metadata, entries = _parsed(bytes(text))
    data_bytes = _covered(entries)
    if file_bytes is not None:
        _check_length(data_bytes, file_bytes - 8 - length)
    return Header(metadata, entries, data_bytes, checked=file_bytes is not None)


def read_data(stream: BinaryIO, header: Header, as_stored: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Read the rest of ``stream``: every tensor, C-ordered and aligned, in private memory.

    F16 becomes float32 but for the tensors ``as_stored``. Raises ModelFormatError.
    """
    data = _filled(stream, header.data_bytes) if header.checked else _take(stream, header.data_bytes)
    surplus = bytes(stream.read(1)) if len(data) == header.data_bytes else b""
    _check_length(header.data_bytes, len(data) + len(surplus))
    return {name: _array(data, entry, name in as_stored) for name, entry in header.entries.items()}


def write(stream: BinaryIO, header: bytes, arrays: Iterable[np.ndarray]) -> None:
    """Write a file: ``header`` from :func:`header_of`, and the tensors in its order."""
    stream.write(len(header).to_bytes(8, "little"))
    stream.write(header)
    for array in arrays:
        little = np.ascontiguousarray(array, DTYPES[dtype_name(array)])
        stream.write(little.reshape(-1).view(np.uint8).data)


def header_of(metadata: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> bytes:
    """Make the header for ``tensors`` in their order, padded so that the data starts at a multiple of 8.

    Raises ModelFormatError where it would be longer than a reader takes.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name, array in tensors.items():
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": dtype_name(array), "shape": array.shape, "data_offsets": (begin, end)}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ModelFormatError(f"expected a header of at most {MAX_HEADER} bytes, found {len(text)}")
    return text


def dtype_name(array: np.ndarray) -> str:
    """Name an array's dtype, in either byte order; empty for one that a model file cannot hold."""
    return next((name for name, dtype in DTYPES.items() if array.dtype.newbyteorder("<") == dtype), "")


def _take(stream: BinaryIO, count: int) -> bytearray:
    """Read the next ``count`` bytes, or fewer at the end of the file."""
    data = bytearray()
    while len(data) < count:
        piece = stream.read(min(count - len(data), _CHUNK))
        if not isinstance(piece, (bytes, bytearray, memoryview)):
            raise ModelFormatError(
                f"expected a file open for reading bytes, found one that gives {type(piece).__name__}"
            )
        if not piece:
            break
        data += piece
    return data


def _filled(stream: BinaryIO, count: int) -> memoryview:
    """Read the same at once, and where it stays: NumPy asks for large pages, and thousands of small ones take longer
    than the reading."""
    room = np.empty(count, np.uint8).data
    done = 0
    while done < count and (read := stream.readinto(room[done:])):  # type: ignore[attr-defined]
        done += read
    return room[:done]


def _check_length(expected: int, found: int) -> None:
    if found < expected:
        raise ModelFormatError(f"expected {expected} bytes of tensors, found a file cut off after {found} of them")
    if found > expected:
        raise ModelFormatError(f"expected the file to end after {expected} bytes of tensors, found more")


def _parsed(text: bytes) -> tuple[dict[str, str], dict[str, Entry]]:
    header = parse(text, "header")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ModelFormatError(f"header: expected __metadata__ to be a map of strings, found {shown(metadata)}")
    return metadata, {name: _entry(name, value) for name, value in header.items()}


def _entry(name: str, value: object) -> Entry:
    where = f"tensor {shown(name)}"
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise ModelFormatError(f"{where}: expected dtype, shape and data_offsets, found {shown(value)}")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ModelFormatError(f"{where}: expected dtype to be one of {', '.join(DTYPES)}, found {shown(dtype)}")
    if not _are_integers(shape) or len(shape) > MAX_RANK or max(shape, default=0) > MAX_ELEMENTS:
        expected = f"shape to be at most {MAX_RANK} integers from 0 to {MAX_ELEMENTS}"
        raise ModelFormatError(f"{where}: expected {expected}, found {shown(shape)}")
    count = elements(shape)
    if count > MAX_ELEMENTS:
        raise ModelFormatError(f"{where}: expected at most {MAX_ELEMENTS} values, found {count}")
    if not _are_integers(offsets) or len(offsets) != 2:
        raise ModelFormatError(f"{where}: expected data_offsets to be 2 integers from 0, found {shown(offsets)}")
    size = count * DTYPES[dtype].itemsize
    if offsets[1] - offsets[0] != size:
        raise ModelFormatError(f"{where}: expected data_offsets {size} bytes apart, found {shown(offsets)}")
    return Entry(dtype, tuple(shape), *offsets)


def _are_integers(value: object) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def _covered(entries: Mapping[str, Entry]) -> int:
    """Find the end of the data, once it is sure that every byte of it belongs to just one tensor."""
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != end:
            fault = "bytes that no tensor covers" if entry.begin > end else "bytes of another tensor"
            raise ModelFormatError(
                f"tensor {shown(name)}: expected to begin at byte {end}, found {entry.begin}: {fault}"
            )
        end = entry.end
    return end


def _array(data: bytearray | memoryview, entry: Entry, as_stored: bool) -> np.ndarray:
    if entry.begin == entry.end:
        array = np.empty(entry.shape, DTYPES[entry.dtype])
    else:
        array = np.frombuffer(data, DTYPES[entry.dtype], elements(entry.shape), entry.begin).reshape(entry.shape)
    widened = array.dtype.kind == "f" and not as_stored
    array = array.astype(np.float32 if widened else array.dtype.newbyteorder("="), copy=False)
    return array if array.flags.aligned else array.copy()
