"""The container: every rule of it broken alone."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from lcnn_engine.format.safetensors_file import MAX_HEADER
from tests.helpers.model_files import (
    assert_refused,
    container,
    file_with_metadata,
    metadata,
    valid_header,
)


def with_entry(name: str = "logits/bias", **values: object) -> bytes:
    """The valid file but for some values of one tensor's entry in the header."""
    header, data = valid_header()
    header[name] = {**header[name], **values}
    return container(header, data)


def twice(key: bytes) -> bytes:
    """The valid file with one key of the header given twice."""
    header, data = valid_header()
    text = json.dumps(header).encode()
    at = text.index(key)
    value = json.dumps(header[json.loads(key)]).encode()
    return container(text[:at] + key + b": " + value + b", " + text[at:], data)


def moved(name: str, by: int) -> bytes:
    """The valid file with the bytes of one tensor said to lie elsewhere."""
    header, data = valid_header()
    begin, end = header[name]["data_offsets"]
    header[name]["data_offsets"] = [begin + by, end + by]
    return container(header, data)


def truncated(count: int) -> bytes:
    return container(*valid_header())[:-count]


def with_hole() -> bytes:
    header, data = valid_header()
    last = header["logits/bias"]["data_offsets"]
    header["logits/bias"]["data_offsets"] = [last[0] + 8, last[1] + 8]
    return container(header, data + bytes(8))


META = metadata()
BIAS = "tensor 'logits/bias': "

CONTAINERS: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "empty file": (lambda: b"", ("expected a safetensors file, found one of 0 bytes",)),
    "file of 7 bytes": (lambda: bytes(7), ("expected a safetensors file, found one of 7 bytes",)),
    "header of no bytes": (lambda: bytes(8), ("expected a safetensors header, a JSON object, found b''",)),
    "image": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(50), ("header of at most 16777216 bytes, found 7",)),
    "header over the cap": (
        lambda: container(b"{}", length=MAX_HEADER + 1), ("header of at most 16777216 bytes, found 16777217",)),
    "header as long as 64 bits hold": (lambda: container(b"{}", length=2**64 - 1), ("found 18446744073709551615",)),
    "header longer than the file": (
        lambda: container(b"{}", length=3), ("expected a header of 3 bytes, found a file cut off after 2",)),
    "header that starts with a space": (lambda: container(b" {}"), ("a JSON object, found b' {}'",)),
    "header that is no object": (lambda: container(b"[]"), ("expected a safetensors header, a JSON object",)),
    "header that is no JSON": (lambda: container(b"{,}"), ("header: expected JSON, found", "at character 1")),
    "header with something behind it": (lambda: container(b"{}}"), ("header: expected JSON, found Extra data",)),
    "header that is no UTF-8": (lambda: container(b'{"\xff": 1}'), ("header: expected UTF-8, found", "byte 2")),
    "header in UTF-16": (lambda: container("{}".encode("utf-16")), ("expected a safetensors header",)),
    "header with a control character": (
        lambda: container(b'{"\n": 1}'), ("header: expected JSON, found Invalid control",)),
    "tensor twice": (lambda: twice(b'"logits/bias"'), ("header: expected every key once, found 'logits/bias' twice",)),
    "metadata twice": (
        lambda: twice(b'"__metadata__"'), ("header: expected every key once, found '__metadata__' twice",)),
    "NaN in the header": (lambda: container(b'{"a": NaN}'), ("header: expected finite numbers, found NaN",)),
    "header nested too deep": (
        lambda: container(b'{"a":' + b"[" * 64 + b"]" * 64 + b"}"), ("header: ", "at most 64 deep, found 65")),
    "header nested far too deep": (lambda: container(b'{"a":' + b"[" * 500_000), ("at most 64 deep, found 500001",)),
    "tensor that is no object": (
        lambda: container({"a": 1}), ("tensor 'a': expected dtype, shape and data_offsets, found 1",)),
    "tensor without a dtype": (
        lambda: container({"a": {"shape": [1], "data_offsets": [0, 4]}}), ("tensor 'a': expected dtype, shape and",)),
    "tensor with one key more": (
        lambda: with_entry(order="C"), (BIAS, "expected dtype, shape and data_offsets, found")),
    "dtype that no model has": (
        lambda: with_entry(dtype="F64"), (BIAS, "expected dtype to be one of F32, F16, I32", "'F64'")),
    "dtype that is no string": (lambda: with_entry(dtype=["F32"]), (BIAS, "expected dtype to be one of", "['F32']")),
    "size negative": (lambda: with_entry(shape=[-2]), (BIAS, "integers from 0", "[-2]")),
    "size as a float": (lambda: with_entry(shape=[2.0]), (BIAS, "integers from 0", "[2.0]")),
    "size as a boolean": (lambda: with_entry(shape=[True, 2]), (BIAS, "integers from 0", "[True, 2]")),
    "size beyond 2^31 - 1": (lambda: with_entry(shape=[2**31]), (BIAS, "to 2147483647, found [2147483648]")),
    "size beyond everything": (lambda: with_entry(shape=[10**60]), (BIAS, "to 2147483647, found")),
    "shape that is no list": (lambda: with_entry(shape=2), (BIAS, "expected shape to be", "found 2")),
    "shape of five sizes": (lambda: with_entry(shape=[1] * 5), (BIAS, "at most 4 integers")),
    "too many values": (
        lambda: with_entry(shape=[2**16, 2**15]), (BIAS, "at most 2147483647 values, found 2147483648")),
    "offsets that are no list": (
        lambda: with_entry(data_offsets=0), (BIAS, "data_offsets to be 2 integers", "found 0")),
    "three offsets": (lambda: with_entry(data_offsets=[0, 4, 8]), (BIAS, "data_offsets to be 2 integers")),
    "offset negative": (lambda: with_entry(data_offsets=[-8, 0]), (BIAS, "data_offsets to be 2 integers")),
    "offset as a float": (lambda: with_entry(data_offsets=[0.0, 8]), (BIAS, "data_offsets to be 2 integers")),
    "offsets in the wrong order": (lambda: with_entry(data_offsets=[8, 0]), (BIAS, "data_offsets 8 bytes apart")),
    "offsets that do not fit the shape": (lambda: with_entry(shape=[3]), (BIAS, "data_offsets 12 bytes apart")),
    "offsets beyond the file": (lambda: moved("logits/bias", 2**60), (BIAS, "expected to begin at byte")),
    "tensors that overlap": (lambda: moved("logits/bias", -4), (BIAS, "begin at byte", "bytes of another tensor")),
    "bytes between tensors that none covers": (with_hole, (BIAS, "begin at byte", "bytes that no tensor covers")),
    "bytes behind the last tensor": (
        lambda: container(*valid_header()) + b"\0", ("expected the file to end after", "bytes of tensors, found more")),
    "file cut short": (lambda: truncated(1), ("bytes of tensors, found a file cut off after",)),
    "file cut short by half": (lambda: truncated(100), ("bytes of tensors, found a file cut off after",)),
    "metadata that is no object": (
        lambda: file_with_metadata("1"), ("header: expected __metadata__ to be a map of strings",)),
    "metadata that is no map of strings": (
        lambda: file_with_metadata(META | {"format_version": 1}),
        ("header: expected __metadata__ to be a map of strings",)),
}  # fmt: skip


@pytest.mark.parametrize("rule", CONTAINERS)
def test_refused(rule: str) -> None:
    make, fragments = CONTAINERS[rule]
    assert_refused(make(), fragments)
