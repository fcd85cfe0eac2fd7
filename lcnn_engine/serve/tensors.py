"""The Open Inference Protocol's requests and answers as bytes: JSON, and Triton's binary tensor data behind it.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol and
https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_binary_data.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, ModelFormatError
from ..format.strict_json import parse
from ..utils.messages import shown

__all__ = ["DATATYPES", "Asked", "read_request", "write_answer"]

# Floats are preprocessed input; uint8 are pictures, which go through the model's preprocessing.
DATATYPES = {"FP32": "<f4", "FP16": "<f2", "FP64": "<f8", "UINT8": "u1"}
MOST_JSON = 8 * 2**20  # bytes: a number becomes up to 16 times as long in memory
MOST_ID = 256  # characters


@dataclass(frozen=True)
class Asked:
    """What a request asks for: the tensor as it came, and how the answer goes back."""

    x: np.ndarray
    id: str | None = None
    binary: bool = False


def read_request(body: bytes | memoryview, json_length: int | None, input_name: str, output_name: str) -> Asked:
    """Read a request for a network with one input and one output, of these names.

    ``json_length``: bytes of JSON before the binary data; None: all of it is JSON. Raises InputError for everything
    that does not follow the protocol or does not fit; whether the shape does, the network says.
    """
    length = len(body) if json_length is None else json_length
    if not 0 <= length <= len(body):
        raise InputError(f"expected Inference-Header-Content-Length of at most {len(body)}, the body's, got {length}")
    if length > MOST_JSON:
        raise InputError(f"expected at most {MOST_JSON} bytes of JSON, got {length}; send tensors as binary data")
    try:
        request = parse(bytes(body[:length]), "request")
    except ModelFormatError as error:
        raise InputError(str(error)) from None
    _check_kind(request, dict, "request", "an object")
    identity = request.get("id")
    if identity is not None and not (isinstance(identity, str) and len(identity) <= MOST_ID):
        raise InputError(f"request: expected id to be a string of at most {MOST_ID} characters, got {shown(identity)}")
    tensor = _only(request.get("inputs"), "inputs", input_name)
    return Asked(_tensor(tensor, memoryview(body)[length:]), identity, _binary_wanted(request, output_name))


def write_answer(model: str, output_name: str, result: np.ndarray, asked: Asked) -> tuple[bytes, int | None]:
    """Write a network's result, float32, as the body of an answer; and, where it is binary, the bytes of JSON in it.

    Raises InputError for numbers that JSON has not: they can be had as binary data.
    """
    output: dict[str, Any] = {"name": output_name, "datatype": "FP32", "shape": list(result.shape)}
    answer: dict[str, Any] = {"model_name": model, "model_version": "1", "outputs": [output]}
    if asked.id is not None:
        answer["id"] = asked.id
    if asked.binary:
        output["parameters"] = {"binary_data_size": result.nbytes}
        head = json.dumps(answer).encode()
        return head + result.astype("<f4", copy=False).tobytes(), len(head)
    output["data"] = result.reshape(-1).tolist()
    try:
        return json.dumps(answer, allow_nan=False).encode(), None
    except ValueError:
        raise InputError(
            "expected a result of finite numbers, got others; ask for it with binary_data_output"
        ) from None


def _check_kind(value: Any, kind: type, where: str, expected: str) -> None:
    if not isinstance(value, kind):
        raise InputError(f"{where}: expected {expected}, got {shown(value)}")


def _only(tensors: Any, where: str, name: str) -> Mapping[str, Any]:
    """Give the one tensor of a list, of that name."""
    _check_kind(tensors, list, where, "a list of one tensor")
    if len(tensors) != 1:
        raise InputError(f"{where}: expected one tensor, {name!r}, got {len(tensors)}")
    _check_kind(tensors[0], dict, where, "an object")
    found: Mapping[str, Any] = tensors[0]
    if found.get("name") != name:
        raise InputError(f"{where}: expected the tensor {name!r}, got {shown(found.get('name'))}")
    return found


def _parameters(of: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    parameters = of.get("parameters", {})
    _check_kind(parameters, dict, f"{where}: parameters", "an object")
    return dict(parameters)


def _tensor(tensor: Mapping[str, Any], data: memoryview) -> np.ndarray:
    shape, datatype = tensor.get("shape"), tensor.get("datatype")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise InputError(f"inputs: expected a datatype among {', '.join(DATATYPES)}, got {shown(datatype)}")
    if not isinstance(shape, list) or not shape or not all(type(n) is int and 0 < n < 2**31 for n in shape):
        raise InputError(f"inputs: expected shape to be a list of integers above 0, got {shown(shape)}")
    dtype = np.dtype(DATATYPES[datatype])
    size = _parameters(tensor, "inputs").get("binary_data_size")
    if size is None:
        if data:
            raise InputError(f"inputs: expected binary_data_size for {len(data)} bytes behind the JSON, got none")
        return _from_json(tensor.get("data"), dtype, shape)
    expected = math.prod(shape) * dtype.itemsize
    if type(size) is not int or size != expected or size != len(data) or "data" in tensor:
        raise InputError(
            f"inputs: expected binary data of {expected} bytes alone for {datatype} of shape {shape}, got "
            f"binary_data_size {shown(size)} and {len(data)} bytes behind the JSON"
        )
    return np.frombuffer(data, dtype).reshape(shape)


def _from_json(data: Any, dtype: np.dtype[Any], shape: list[int]) -> np.ndarray:
    """Make numbers, in one list or nested as the shape says, an array."""
    _check_kind(data, list, "inputs: data", "a list of numbers")
    try:
        found = np.asarray(data)
    except ValueError:  # lists of unequal lengths
        raise InputError("inputs: expected data in one list, or nested as its shape says, got it uneven") from None
    kinds = "iu" if dtype.kind == "u" else "iuf"
    if found.dtype.kind not in kinds or (dtype.kind == "u" and (found.min() < 0 or found.max() > 255)):
        what = "integers from 0 to 255" if dtype.kind == "u" else "numbers"
        raise InputError(f"inputs: expected data to be {what}, got {shown(data)}")
    if found.size != math.prod(shape) or (found.ndim > 1 and list(found.shape) != shape):
        raise InputError(f"inputs: expected {math.prod(shape)} numbers for shape {shape}, got {found.size}")
    with np.errstate(over="ignore"):  # what becomes infinite, the network refuses
        return found.astype(dtype).reshape(shape)


def _binary_wanted(request: Mapping[str, Any], output_name: str) -> bool:
    """Tell whether the answer is to be binary; an output says so for itself, the request for all."""
    wanted = _parameters(request, "request").get("binary_data_output", False)
    _check_kind(wanted, bool, "request: binary_data_output", "true or false")
    if request.get("outputs"):
        parameters = _parameters(_only(request["outputs"], "outputs", output_name), "outputs")
        if parameters.get("classification"):
            raise InputError("outputs: expected no classification, got one; send a picture to /classify")
        wanted = parameters.get("binary_data", wanted)
        _check_kind(wanted, bool, "outputs: binary_data", "true or false")
    return bool(wanted)
