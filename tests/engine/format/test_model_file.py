"""Model files: every rule of the container, of the JSON text and of the tensors, each broken alone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, read_model, write_model
from lcnn_engine.format.safetensors_file import MAX_HEADER
from lcnn_engine.format.strict_json import MAX_DEPTH
from tests.helpers.model_files import (
    Tensors,
    container,
    f32,
    header_and_data,
    in_order,
    metadata,
    refusal,
    replaced,
    unchecked_file,
    valid_graph,
    valid_tensors,
    without,
)

# ------------------------------------------------------------------------------------------------------ the container


def valid_header() -> tuple[dict[str, Any], bytes]:
    return header_and_data(valid_tensors(), metadata())


def with_entry(name: str = "logits/bias", **values: object) -> bytes:
    """The valid file but for some values of one tensor's entry in the header."""
    header, data = valid_header()
    header[name] = {**header[name], **values}
    return container(header, data)


def with_metadata(metadata: object) -> bytes:
    return container(*header_and_data(valid_tensors(), metadata))


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
    # Metadata
    "no metadata": (lambda: with_metadata(None), ("metadata: expected the key 'format_version', found only []",)),
    "metadata that is no object": (
        lambda: with_metadata("1"), ("header: expected __metadata__ to be a map of strings",)),
    "metadata that is no map of strings": (
        lambda: with_metadata(META | {"format_version": 1}), ("header: expected __metadata__ to be a map of strings",)),
    "no version": (lambda: with_metadata(without(META, "format_version")), ("metadata: ", "key 'format_version'")),
    "no graph": (lambda: with_metadata(without(META, "graph")), ("metadata: expected the key 'graph'",)),
    "unknown version": (
        lambda: with_metadata(META | {"format_version": "2"}), ("metadata: expected format_version '1', found '2'",)),
    "unknown key": (
        lambda: with_metadata(META | {"author": "me"}), ("metadata: ", "only format_version and graph", "'author'")),
}  # fmt: skip


@pytest.mark.parametrize("rule", CONTAINERS)
def test_container_refused(rule: str, tmp_path: Path) -> None:
    make, fragments = CONTAINERS[rule]
    data = make()
    message = refusal(data)
    assert in_order(message, ("<bytes>: ", *fragments)), message
    path = tmp_path / "broken.safetensors"
    path.write_bytes(data)
    for source, name in ((path, str(path)), (io.BytesIO(data), "<file>")):
        with pytest.raises(ModelFormatError) as caught:
            read_model(source)
        assert in_order(str(caught.value), (f"{name}: ", *fragments)), str(caught.value)


# ------------------------------------------------------------------------------------------------------- the JSON text


def graph_text(old: str, new: str) -> str:
    text = json.dumps(valid_graph())
    assert text.count(old) == 1, old
    return text.replace(old, new)


TEXTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "no JSON": ("graph", ("graph: expected JSON, found Expecting value at character 0",)),
    "empty": ("", ("graph: expected JSON, found Expecting value",)),
    "no object": ("[1]", ("graph: expected an object, found [1]",)),
    "two objects": ("{} {}", ("graph: expected JSON, found Extra data",)),
    "byte order mark": ("\ufeff{}", ("graph: expected JSON",)),
    "half a surrogate pair": ('"\ud800"', ("graph: expected UTF-8, found half of a surrogate pair",)),
    "half a surrogate pair, escaped": (
        graph_text('"yes"', '"\\ud800"'), ("labels[1]: expected UTF-8, found half of a surrogate pair",)),
    "key twice": (
        graph_text('"filters": 4, "kernel_size": [3, 3]', '"filters": 4, "filters": 4, "kernel_size": [3, 3]'),
                  ("graph: expected every key once, found 'filters' twice",)),
    "NaN": (graph_text('"alpha": 0.25', '"alpha": NaN'), ("graph: expected finite numbers, found NaN",)),
    "Infinity": (graph_text('"alpha": 0.25', '"alpha": Infinity'), ("graph: expected finite numbers, found Infinity",)),
    "-Infinity": (graph_text('"alpha": 0.25', '"alpha": -Infinity'), ("found -Infinity",)),
    "a float that overflows": (
        graph_text('"alpha": 0.25', '"alpha": 1e999'), ("node 'sum': expected alpha", "found inf")),
    "an integer of 5000 digits": (
        graph_text('"units": 3', '"units": 1' + "0" * 4999), ("integers of at most 64 digits, found one of 5000",)),
    "a negative integer of 5000 digits": (
        graph_text('"units": 3', '"units": -1' + "0" * 4999), ("integers of at most 64 digits",)),
    "a float for an integer": (graph_text('"units": 3', '"units": 3e0'), ("node 'fc': expected units", "found 3.0")),
    "a million lists": ("[" + "[]," * 2**20 + "0]", ("graph: ", "at most 1048576 objects and lists, found 1048577")),
    "nested 65 deep": ("[" * 65 + "]" * 65, ("graph: expected JSON nested at most 64 deep, found 65",)),
    "nested half a million deep": ("[" * 500_000, ("graph: expected JSON nested at most 64 deep, found 500000",)),
    "nested in keys' values half a million deep": ('{"a":' * 500_000, ("at most 64 deep, found 500000",)),
}  # fmt: skip


@pytest.mark.parametrize("rule", TEXTS)
def test_graph_text_refused(rule: str) -> None:
    text, fragments = TEXTS[rule]
    message = refusal(unchecked_file(text, valid_tensors()))
    assert in_order(message, ("<bytes>: ", *fragments)), message


def test_brackets_in_strings_are_no_nesting() -> None:
    label = '\\"[' * 100 + "{\\\\"
    text = graph_text('"yes"', f'"{label}"')
    graph, _ = read_model(unchecked_file(text, valid_tensors()))
    assert graph.labels == ("no", json.loads(f'"{label}"'))


def test_nesting_up_to_the_limit_is_left_to_the_rules_of_the_graph() -> None:
    assert "expected an object, found [" in refusal(unchecked_file("[" * MAX_DEPTH + "]" * MAX_DEPTH, {}))


# --------------------------------------------------------------------------------------------------------- the tensors


TENSORS: dict[str, tuple[Tensors, tuple[str, ...]]] = {
    "missing indptr": (replaced(conv_indptr=None), ("tensor 'conv/indptr': expected I32 of shape (5,), found none",)),
    "missing indices": (replaced(conv_indices=None), ("tensor 'conv/indices': expected I32", "found none")),
    "missing coefficients": (
        replaced(fc_coefficients=None), ("tensor 'fc/coefficients': expected F32 or F16 of shape (3,)",)),
    "missing kernel": (
        replaced(grouped_kernel=None),
        ("tensor 'grouped/kernel': expected F32 or F16 of shape (4, 2, 1, 1), found none",)),
    "missing kernel of a dense layer": (
        replaced(logits_kernel=None), ("tensor 'logits/kernel': ", "(2, 3), found none")),
    "tensor of no node": (
        valid_tensors() | {"none/kernel": f32(1)}, ("tensor 'none/kernel': expected only tensors of",)),
    "tensor that the node has no use for": (
        valid_tensors() | {"flat/kernel": f32(1)},
        ("tensor 'flat/kernel': expected only tensors of the graph's nodes",)),
    "tensor without a node": (valid_tensors() | {"kernel": f32(1)}, ("tensor 'kernel': expected only tensors",)),
    "I32 where floats are due": (
        replaced(conv_bias=np.zeros(4, np.int32)),
        ("tensor 'conv/bias': expected F32 or F16 of shape (4,), found I32 (4,)",)),
    "F32 where integers are due": (
        replaced(conv_indices=f32(5)), ("tensor 'conv/indices': expected I32", "found F32 (5,)")),
    "F16 where integers are due": (
        replaced(conv_indptr=np.zeros(5, np.float16)), ("tensor 'conv/indptr': expected I32", "found F16 (5,)")),
    "bias of another length": (replaced(conv_bias=[1.0] * 3), ("tensor 'conv/bias': ", "(4,), found F32 (3,)")),
    "bias of two axes": (replaced(conv_bias=f32(4, 1)), ("tensor 'conv/bias': ", "(4,), found F32 (4, 1)")),
    "dictionary for other channels": (
        replaced(conv_dictionary=f32(2, 4)),
        ("tensor 'conv/dictionary': expected F32 or F16 of shape (2, 3), found F32 (2, 4)",)),
    "dictionary of one axis": (
        replaced(conv_dictionary=f32(3)), ("tensor 'conv/dictionary': ", "(k, 3), found F32 (3,)")),
    "indptr of another length": (replaced(conv_indptr=[0, 2, 5]), ("tensor 'conv/indptr': ", "(5,), found I32 (3,)")),
    "coefficients not as many as indices": (
        replaced(conv_coefficients=[1.0]),
        ("tensor 'conv/coefficients': expected F32 or F16 of shape (5,), found F32 (1,)",)),
    "kernel for other groups": (
        replaced(grouped_kernel=f32(4, 4, 1, 1)), ("tensor 'grouped/kernel': ", "found F32 (4, 4, 1, 1)")),
    "kernel transposed": (replaced(logits_kernel=f32(3, 2)), ("tensor 'logits/kernel': ", "(2, 3), found F32 (3, 2)")),
    # Values
    "indptr that starts late": (
        replaced(conv_indptr=[1, 2, 2, 3, 5]), ("tensor 'conv/indptr': expected to start at 0, found 1",)),
    "indptr that starts early": (
        replaced(conv_indptr=[-1, 2, 2, 3, 5]), ("tensor 'conv/indptr': ", "start at 0, found -1")),
    "indptr that descends": (
        replaced(conv_indptr=[0, 3, 2, 3, 5]), ("tensor 'conv/indptr': expected not to descend, found 3, 2 at 1",)),
    "indptr that descends as far as 32 bits go": (
        replaced(conv_indptr=[0, 2**31 - 1, -(2**31), 3, 5]), ("tensor 'conv/indptr': expected not to descend",)),
    "indptr that ends early": (
        replaced(conv_indptr=[0, 2, 2, 3, 4]), ("tensor 'conv/indptr': ", "end at", "5, found 4")),
    "indptr that ends late": (
        replaced(conv_indptr=[0, 2, 2, 3, 6]), ("tensor 'conv/indptr': ", "end at", "5, found 6")),
    "index negative": (
        replaced(conv_indices=[-1, 17, 0, 3, 4]), ("tensor 'conv/indices': ", "from 0 to", "17, found -1 at 0")),
    "index beyond kh * kw * k": (
        replaced(conv_indices=[1, 18, 0, 3, 4]),
        ("tensor 'conv/indices': expected indices from 0 to", "17, found 18 at 1")),
    "index beyond the channels": (replaced(fc_indices=[36, 0, 7]), ("tensor 'fc/indices': ", "35, found 36 at 0")),
    "index repeated in a filter": (
        replaced(conv_indices=[1, 17, 0, 3, 3]),
        ("tensor 'conv/indices': ", "ascend strictly", "found 3, 3 in filter 3")),
    "indices unsorted in a filter": (
        replaced(conv_indices=[17, 1, 0, 3, 4]),
        ("tensor 'conv/indices': ", "ascend strictly", "found 17, 1 in filter 0")),
    "NaN in a dictionary": (
        replaced(conv_dictionary=[[1, 2, np.nan], [0] * 3]),
        ("tensor 'conv/dictionary': expected finite", "nan at (0, 2)")),
    "infinity in a bias": (replaced(logits_bias=[0, np.inf]), ("tensor 'logits/bias': expected finite", "inf at (1,)")),
    "infinity in coefficients": (
        replaced(fc_coefficients=[-np.inf, 1, 1]), ("tensor 'fc/coefficients': ", "-inf at (0,)")),
    "NaN in a kernel": (
        replaced(grouped_kernel=f32(4, 2, 1, 1) * np.nan), ("tensor 'grouped/kernel': ", "nan at (0, 0, 0, 0)")),
    "infinity in fp16": (
        replaced(logits_bias=np.array([1, np.inf], np.float16)),
        ("tensor 'logits/bias': expected finite values, found inf",)),
}  # fmt: skip


@pytest.mark.parametrize("rule", TENSORS)
def test_tensors_refused_in_a_file_and_by_the_writer(rule: str, tmp_path: Path) -> None:
    tensors, fragments = TENSORS[rule]
    message = refusal(unchecked_file(valid_graph(), tensors))
    assert in_order(message, ("<bytes>: ", *fragments)), message
    path = tmp_path / "model.safetensors"
    with pytest.raises(ModelFormatError) as writing:
        write_model(valid_graph(), tensors, path)
    assert in_order(str(writing.value), (f"{path}: ", *fragments)), str(writing.value)
    assert list(tmp_path.iterdir()) == []
