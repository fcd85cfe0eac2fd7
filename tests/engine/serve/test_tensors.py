"""The protocol's requests and answers as bytes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lcnn_engine import InputError
from lcnn_engine.serve.tensors import MOST_JSON, Asked, read_request, write_answer

RNG = np.random.default_rng(0)


def request(tensor: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """A request with the tensor ``x`` of shape (2, 2), changed as it says."""
    whole = {"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]} | (tensor or {})
    whole = {key: value for key, value in whole.items() if value is not None}
    return json.dumps({"inputs": [whole]} | fields).encode()


def read(body: bytes, json_length: int | None = None) -> Asked:
    return read_request(body, json_length, "x", "y")


def binary(data: bytes, **fields: Any) -> Asked:
    head = request({"data": None, "parameters": {"binary_data_size": len(data)}, **fields})
    return read(head + data, len(head))


class TestJson:
    @pytest.mark.parametrize("data", [[1, 2.5, -3e-3, 4], [[1, 2.5], [-3e-3, 4]]])
    def test_numbers_in_one_list_or_nested(self, data: Any):
        x = read(request({"data": data})).x
        assert x.dtype == np.float32
        assert np.array_equal(x, np.array([[1, 2.5], [-3e-3, 4]], np.float32))

    @pytest.mark.parametrize(("datatype", "dtype"), [("FP32", "f4"), ("FP16", "f2"), ("FP64", "f8"), ("UINT8", "u1")])
    def test_datatypes(self, datatype: str, dtype: str):
        x = read(request({"datatype": datatype})).x
        assert x.dtype == np.dtype(dtype)
        assert x.tolist() == [[1, 2], [3, 4]]

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"data": None}, "a list of numbers"),
            ({"data": 5}, "a list of numbers"),
            ({"data": []}, "expected 4 numbers"),
            ({"data": [1, 2, 3]}, "expected 4 numbers"),
            ({"data": [[1, 2], [3]]}, "uneven"),
            ({"data": [[1, 2, 3, 4]]}, "expected 4 numbers"),
            ({"data": ["1", "2", "3", "4"]}, "numbers, got"),
            ({"data": [1, 2, 3, True]}, None),
            ({"data": [True] * 4}, "numbers, got"),
            ({"data": [None] * 4}, "numbers, got"),
            ({"data": [{}, {}, {}, {}]}, "numbers, got"),
            ({"data": [10**30, 1, 1, 1]}, "numbers, got"),
            ({"datatype": "UINT8", "data": [1, 2, 3, 256]}, "0 to 255"),
            ({"datatype": "UINT8", "data": [1, 2, 3, -1]}, "0 to 255"),
            ({"datatype": "UINT8", "data": [1, 2, 3, 1.5]}, "0 to 255"),
            ({"datatype": "INT8"}, "a datatype among FP32"),
            ({"datatype": None}, "a datatype among FP32"),
            ({"datatype": ["FP32"]}, "a datatype among FP32"),
            ({"shape": None}, "list of integers above 0"),
            ({"shape": []}, "list of integers above 0"),
            ({"shape": [2, -2]}, "list of integers above 0"),
            ({"shape": [4, True]}, "list of integers above 0"),
            ({"shape": [2**40]}, "list of integers above 0"),
            ({"shape": [2**30, 2**30, 2**30]}, "expected 1237940039285380274899124224 numbers"),
            ({"name": "z"}, "expected the tensor 'x', got 'z'"),
            ({"name": None}, "expected the tensor 'x', got None"),
            ({"parameters": []}, "parameters: expected an object"),
        ],
    )  # fmt: skip
    def test_a_tensor_that_does_not_fit(self, changed: dict[str, Any], message: str | None):
        if message is None:
            assert read(request(changed)).x.tolist() == [[1, 2], [3, 1]]
            return
        with pytest.raises(InputError, match=message):
            read(request(changed))

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"", "expected JSON"),
            (b"{", "expected JSON"),
            (b"\xff", "expected UTF-8"),
            (b"[]", "an object"),
            (b"null", "an object"),
            (b"{}", "a list of one tensor"),
            (b'{"inputs": []}', "one tensor, 'x', got 0"),
            (b'{"inputs": [1]}', "an object"),
            (b'{"inputs": [{}, {}]}', "one tensor, 'x', got 2"),
            (b'{"inputs": [], "inputs": []}', "every key once"),
            (b"[" * 100_000, "nested at most"),
            (b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [NaN]}]}', "finite"),
            (b'{"inputs": [' + b"1" * 5000 + b"]}", "digits"),
            (request(id=5), "id to be a string"),
            (request(id="x" * 257), "at most 256 characters"),
            (request(parameters=5), "parameters: expected an object"),
            (request(parameters={"binary_data_output": 1}), "true or false"),
            (request(outputs=5), "a list of one tensor"),
            (request(outputs=[{"name": "x"}]), "expected the tensor 'y', got 'x'"),
            (request(outputs=[{"name": "y", "parameters": {"classification": 3}}]), "/classify"),
            (request(outputs=[{"name": "y", "parameters": {"binary_data": "yes"}}]), "true or false"),
            (b" " * (MOST_JSON + 1), "bytes of JSON"),
        ],
    )  # fmt: skip
    def test_a_request_that_does_not_follow(self, body: bytes, message: str):
        with pytest.raises(InputError, match=message):
            read(body)


class TestBinary:
    @pytest.mark.parametrize(
        ("datatype", "dtype"), [("FP32", "<f4"), ("FP16", "<f2"), ("FP64", "<f8"), ("UINT8", "u1")]
    )
    def test_bytes_behind_the_json(self, datatype: str, dtype: str):
        expected = RNG.integers(0, 255, (2, 2)).astype(dtype)
        x = binary(expected.tobytes(), datatype=datatype).x
        assert x.dtype == np.dtype(dtype)
        assert np.array_equal(x, expected)

    @pytest.mark.parametrize("size", [0, 12, 15, 17, 20, 32])
    def test_another_number_of_bytes(self, size: int):
        with pytest.raises(InputError, match="binary data of 16 bytes"):
            binary(bytes(size))

    @pytest.mark.parametrize("said", [15, 17, -16, 16.0, "16", True, [16], 2**70])
    def test_a_size_that_is_not_so(self, said: Any):
        head = request({"data": None, "parameters": {"binary_data_size": said}})
        with pytest.raises(InputError, match="binary data of 16 bytes"):
            read(head + bytes(16), len(head))

    def test_data_twice(self):
        head = request({"parameters": {"binary_data_size": 16}})
        with pytest.raises(InputError, match="alone"):
            read(head + bytes(16), len(head))

    def test_bytes_that_nothing_speaks_of(self):
        head = request()
        with pytest.raises(InputError, match="binary_data_size for 3 bytes"):
            read(head + bytes(3), len(head))

    @pytest.mark.parametrize("length", [-1, 10_000])
    def test_a_head_that_is_longer_than_all(self, length: int):
        with pytest.raises(InputError, match="Inference-Header-Content-Length"):
            read(request(), length)


class TestAnswers:
    RESULT = np.array([[0.1, 0.9], [1e-30, 1]], np.float32)

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({}, False),
            ({"parameters": {"binary_data_output": True}}, True),
            ({"outputs": [{"name": "y"}], "parameters": {"binary_data_output": True}}, True),
            ({"outputs": [{"name": "y", "parameters": {"binary_data": True}}]}, True),
            (
                {
                    "outputs": [{"name": "y", "parameters": {"binary_data": False}}],
                    "parameters": {"binary_data_output": True},
                },
                False,
            ),
            ({"outputs": []}, False),
        ],
    )
    def test_how_it_goes_back(self, fields: dict[str, Any], expected: bool):
        assert read(request(**fields)).binary is expected

    def test_json_has_every_bit(self):
        content, length = write_answer("model", "y", self.RESULT, read(request(id="7")))
        answer = json.loads(content)
        assert length is None
        assert (answer["id"], answer["model_name"], answer["model_version"]) == ("7", "model", "1")
        (output,) = answer["outputs"]
        assert (output["name"], output["datatype"], output["shape"]) == ("y", "FP32", [2, 2])
        assert np.array_equal(np.array(output["data"], np.float32).reshape(2, 2), self.RESULT)

    def test_binary_follows_the_json(self):
        content, length = write_answer("model", "y", self.RESULT, Asked(self.RESULT, binary=True))
        answer = json.loads(content[:length])
        assert "id" not in answer
        assert answer["outputs"][0]["parameters"] == {"binary_data_size": 16}
        assert "data" not in answer["outputs"][0]
        assert content[length:] == self.RESULT.astype("<f4").tobytes()

    def test_what_json_has_not(self):
        result = np.array([np.inf, 1], np.float32)
        with pytest.raises(InputError, match="binary_data_output"):
            write_answer("model", "y", result, Asked(result))
        content, length = write_answer("model", "y", result, Asked(result, binary=True))
        assert np.array_equal(np.frombuffer(content[length:], "<f4"), result)
