"""Read and write model files: one safetensors file each, checked against every rule of MODEL_FORMAT.md.

In the order of the file: container, graph, which tensors there are and their shapes, the memory they will ask for;
only then is the data read, and its values are checked last.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..errors import ModelFormatError, SettingError
from ..model.graph import MAX_BYTES, Graph
from ..model.work import MAX_MULTIPLICATIONS, check_work
from ..utils.files import replacing
from ..utils.messages import shown
from . import safetensors_file
from .graph_json import graph_from_object, graph_from_text, graph_to_object, graph_to_text
from .int8_matrices import SCALE, kinds_when_widened, matrix_names, with_widened
from .validation import Kind, check_kinds, check_sizes, check_values

__all__ = ["check_model", "read_halves", "read_model", "stored_bytes", "with_floats", "write_model"]

FORMAT_VERSION = "1"
WITH_INT8 = "2"  # the version of files that hold matrices in int8, which readers of version 1 must not misread

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


def read_model(
    source: Source, *, max_bytes: int = MAX_BYTES, max_multiplications: int = MAX_MULTIPLICATIONS
) -> tuple[Graph, dict[str, np.ndarray]]:
    """Read a model file and check all of it.

    ``source``: a path, the file's bytes, or a file open for reading bytes, which is read to its end. ``max_bytes``:
    refuse models whose activations take more; ``max_multiplications``: that compute more for one input. Returns the
    graph and its tensors by name (``<node>/<tensor>``): float32 (F16 and I8 widened) or int32, C-ordered, aligned, in
    memory of their own.

    Raises ModelFormatError, which names the file, the node or tensor, what was expected and what was found;
    FileNotFoundError, and other OSErrors of the system; SettingError for the two limits.
    """
    graph, tensors = read_halves(source, max_bytes=max_bytes, max_multiplications=max_multiplications)
    return graph, with_floats(tensors)


def read_halves(
    source: Source, *, max_bytes: int = MAX_BYTES, max_multiplications: int = MAX_MULTIPLICATIONS
) -> tuple[Graph, dict[str, np.ndarray]]:
    """Do what :func:`read_model` does, but leave matrices of fully connected layers that are F16 as they are.

    They are most of many a file, and what is planned from them is halves again.
    """
    limits = _Limits(max_bytes, max_multiplications)
    with _prefixed(_name_of(source)), _opened(source) as (stream, size):
        header = safetensors_file.read_header(stream, size)
        graph = graph_from_text(_graph_text(header.metadata))
        kinds = {name: (entry.dtype, entry.shape) for name, entry in header.entries.items()}
        _check_version(header.metadata["format_version"], kinds)
        atoms = limits.check(graph, kinds_when_widened(_ops(graph), kinds))
        tensors = with_widened(safetensors_file.read_data(stream, header, matrix_names(_ops(graph))))
        check_values(graph, tensors, atoms)
        return graph, tensors


def with_floats(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give ``tensors`` with all halves as float32."""
    return {name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in tensors.items()}


def check_model(
    graph: Graph,
    tensors: Mapping[str, np.ndarray],
    *,
    max_bytes: int = MAX_BYTES,
    max_multiplications: int = MAX_MULTIPLICATIONS,
) -> tuple[Graph, dict[str, np.ndarray]]:
    """Check a model that is no file as :func:`read_model` checks one, and give what that would: copies of the tensors.

    Raises ModelFormatError; SettingError for the two limits.
    """
    limits = _Limits(max_bytes, max_multiplications)
    if not isinstance(graph, Graph) or not isinstance(tensors, Mapping):
        found = f"{shown(graph)} and {type(tensors).__name__}"
        raise ModelFormatError(f"expected a Graph and its tensors by name, as read_model gives them, found {found}")
    copies = {name: np.array(x, order="C") if isinstance(x, np.ndarray) else x for name, x in tensors.items()}
    checked, ordered = _checked(graph, copies, limits)
    return checked, {
        name: array.astype(np.int32 if array.dtype.kind == "i" else np.float32, copy=False)
        for name, array in with_widened(ordered).items()
    }


def stored_bytes(source: Source) -> dict[str, int]:
    """Count the bytes of every tensor in the file by name, of a matrix with its scales. Raises as :func:`read_model`,
    which checks more."""
    with _prefixed(_name_of(source)), _opened(source) as (stream, size):
        entries = safetensors_file.read_header(stream, size).entries
        found = {name: entry.end - entry.begin for name, entry in entries.items()}
    for name in [name for name, entry in entries.items() if entry.dtype == "I8"]:
        found[name] += found.pop(name + SCALE, 0)
    return found


def write_model(
    graph: Graph | Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    path: str | os.PathLike[str],
    *,
    max_bytes: int = MAX_BYTES,
    max_multiplications: int = MAX_MULTIPLICATIONS,
) -> None:
    """Write a model file, or nothing: what :func:`read_model` would refuse raises the same ModelFormatError here.

    ``graph``: a Graph, or the JSON object of the format page as a dict. ``tensors``: float32, float16 (which stays
    F16 in the file) or int32 arrays by name; int8 ones with their scales, as ``int8_matrices.with_int8_matrices``
    gives them. The two limits are as for :func:`read_model`. The same model gives the same bytes. A file at ``path`` is
    replaced in one step, once the new one is safely on the disk. Raises OSError too.
    """
    limits = _Limits(max_bytes, max_multiplications)
    path = Path(path)
    with _prefixed(str(path)):
        checked, ordered = _checked(graph, tensors, limits)
        version = WITH_INT8 if any(array.dtype == np.int8 for array in ordered.values()) else FORMAT_VERSION
        metadata = {"format_version": version, "graph": graph_to_text(checked)}
        header = safetensors_file.header_of(metadata, ordered)
    with replacing(path) as stream:
        safetensors_file.write(stream, header, ordered.values())


def _checked(
    graph: Graph | Mapping[str, Any], tensors: Mapping[str, np.ndarray], limits: _Limits
) -> tuple[Graph, dict[str, np.ndarray]]:
    """Check a model, and give the graph in its canonical form and the tensors in the order of the file."""
    checked = graph_from_object(graph_to_object(graph) if isinstance(graph, Graph) else graph)
    kinds = {name: _kind(name, array) for name, array in tensors.items()}
    atoms = limits.check(checked, kinds_when_widened(_ops(checked), kinds))
    check_values(checked, with_widened(tensors), atoms)
    in_order = [
        f"{node.name}/{short}{suffix}"
        for node in checked.nodes
        for short in checked.tensor_specs(node)
        for suffix in ("", SCALE)
    ]
    present = [name for name in in_order if name in tensors]
    present.sort(key=lambda name: -tensors[name].dtype.itemsize)  # narrow ones last: all numbers are then aligned
    return checked, {name: tensors[name] for name in present}


def _kind(name: object, array: object) -> tuple[str, tuple[int, ...]]:
    dtype = safetensors_file.dtype_name(array) if isinstance(array, np.ndarray) else ""
    if not isinstance(name, str) or not isinstance(array, np.ndarray) or not dtype:
        found = f"{array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ModelFormatError(
            f"tensor {shown(name)}: expected a float32, float16, int32 or int8 NumPy array, found {found}"
        )
    return dtype, array.shape


def _graph_text(metadata: Mapping[str, str]) -> str:
    for key in ("format_version", "graph"):
        if key not in metadata:
            raise ModelFormatError(f"metadata: expected the key {key!r}, found only {shown(list(metadata))}")
    if metadata["format_version"] not in (FORMAT_VERSION, WITH_INT8):
        found = shown(metadata["format_version"])
        raise ModelFormatError(f"metadata: expected format_version {FORMAT_VERSION!r} or {WITH_INT8!r}, found {found}")
    for key in metadata:
        if key not in ("format_version", "graph"):
            raise ModelFormatError(f"metadata: expected only format_version and graph, found {shown(key)}")
    return metadata["graph"]


def _check_version(version: str, kinds: Mapping[str, Kind]) -> None:
    name = next((name for name, (dtype, _) in kinds.items() if dtype == "I8"), None)
    if name is not None and version != WITH_INT8:
        raise ModelFormatError(
            f"tensor {shown(name)}: expected I8 only in a file of format_version {WITH_INT8!r}, found {version!r}"
        )


def _ops(graph: Graph) -> dict[str, str]:
    return {node.name: node.op for node in graph.nodes}


class _Limits:
    """What a caller lets a model take: bytes of activations, and multiplications for one input. Raises SettingError."""

    def __init__(self, max_bytes: int, max_multiplications: int) -> None:
        for name, value in (("max_bytes", max_bytes), ("max_multiplications", max_multiplications)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise SettingError(f"expected {name} to be an integer of at least 1, got {shown(value)}")
        self._bytes, self._multiplications = max_bytes, max_multiplications

    def check(self, graph: Graph, kinds: Mapping[str, Kind]) -> dict[str, int]:
        """Check tensors but for their values, and all sizes; give k of every lookup node. Raises ModelFormatError."""
        atoms = check_kinds(graph, kinds)
        check_sizes(graph, atoms, self._bytes)
        check_work(graph, {name: shape for name, (_, shape) in kinds.items()}, self._multiplications)
        return atoms


@contextmanager
def _prefixed(name: str) -> Iterator[None]:
    """Put the file's name before the message of every ModelFormatError."""
    try:
        yield
    except ModelFormatError as error:
        raise ModelFormatError(f"{name}: {error}") from None


def _name_of(source: Source) -> str:
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "<bytes>"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<file>"


class _Opened(NamedTuple):
    stream: BinaryIO
    size: int | None


@contextmanager
def _opened(source: Source) -> Iterator[_Opened]:
    """Open a stream, with the number of bytes in it where that is known before it is read."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield _Opened(io.BytesIO(source), memoryview(source).nbytes)
    elif isinstance(source, (str, os.PathLike)):
        path = Path(os.fsdecode(source))
        if "\0" in str(path):
            raise ModelFormatError("expected the path of a model file, found one with a null character")
        status = path.stat()  # before it is opened: opening a pipe would wait for a writer
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
            raise ModelFormatError(f"expected a model file, found {kind}")
        with path.open("rb") as stream:
            yield _Opened(stream, os.fstat(stream.fileno()).st_size)
    elif hasattr(source, "read"):
        yield _Opened(source, None)
    else:
        raise TypeError(f"expected a path, bytes, or a file open for reading bytes, got {type(source).__name__}")
