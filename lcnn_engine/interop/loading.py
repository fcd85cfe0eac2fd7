"""Models of other programs as networks of ours. What reads them is imported when it is needed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..errors import MissingPackageError
from ..model.graph import Graph, Preprocessing

if TYPE_CHECKING:
    from .onnx_import.conversion import Converted

__all__ = ["from_onnx", "is_onnx", "onnx_converter"]

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


def from_onnx(
    source: Source,
    *,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Any] | str | None = None,
    name: str | None = None,
    input_size: tuple[int, int] | None = None,
    output: str | None = None,
) -> tuple[Graph, dict[str, np.ndarray]]:
    """Convert an ONNX model to a graph and its tensors, as ``read_model`` gives them and ``write_model`` takes them.

    ``source``: a path, the file's bytes, or a file open for reading bytes; weights in files of their own are read only
    for a path, from its folder. The input (N, C, H, W), with N = 1 or open, becomes (H, W, C), and so do outputs.
    ``labels`` name the classes; ``preprocessing`` says how pictures become inputs: a Preprocessing, the JSON object of
    the format page as a dict, or "imagenet" for what most PyTorch models are trained with. ``name``: the network's,
    else that of the file. ``input_size``: (H, W) where the model leaves them open. ``output``: the value or
    node that is the result, where it is another than the model's only output.

    Warns where numbers are not quite the model's: quantized weights are widened, quantized activations not rounded.
    Raises ModelFormatError for what is no sound ONNX model and, with every node that is the matter, for one that has
    operators which the engine cannot take; MissingPackageError without the package onnx; FileNotFoundError.
    """
    converted = onnx_converter()(source, labels, preprocessing, name, input_size, output)
    for note in converted.notes:
        warnings.warn(note, stacklevel=2)
    return converted.graph, converted.tensors


def onnx_converter() -> Callable[..., Converted]:
    """Import what converts ONNX models. Raises MissingPackageError without the package onnx."""
    try:
        from .onnx_import.conversion import convert
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("onnx", "google"):
            raise
        raise MissingPackageError(
            'expected the package onnx, which reads ONNX models, found none; install it: pip install "lcnn[onnx]"'
        ) from error
    return convert


def is_onnx(source: Any) -> bool:
    """Tell whether a path ends in .onnx, or bytes or a file begin as an ONNX model does and no model of ours."""
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source).lower().endswith(".onnx")
    if isinstance(source, (bytes, bytearray, memoryview)):
        head = bytes(memoryview(source).cast("B")[:9])
    elif hasattr(source, "read") and hasattr(source, "seekable") and source.seekable():
        place = source.tell()
        head = source.read(9)
        source.seek(place)
    else:
        return False
    return isinstance(head, bytes) and head[:1] == b"\x08" and head[8:9] != b"{"
