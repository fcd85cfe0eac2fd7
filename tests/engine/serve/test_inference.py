"""The Open Inference Protocol over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")

from starlette.exceptions import HTTPException

import lcnn_engine
from lcnn_engine import Net
from lcnn_engine.serve.inference import run
from tests.helpers.networks import images

HEADER = "Inference-Header-Content-Length"


def in_json(net: Net, x: np.ndarray, datatype: str = "FP32", **fields: Any) -> bytes:
    """A request of numbers in JSON."""
    tensor = {"name": net.graph.input.name, "shape": x.shape, "datatype": datatype, "data": x.reshape(-1).tolist()}
    return json.dumps({"inputs": [tensor], **fields}).encode()


def in_binary(net: Net, x: np.ndarray, datatype: str = "FP32", **fields: Any) -> tuple[bytes, dict[str, str]]:
    """A request of binary data, and its header."""
    tensor = {"name": net.graph.input.name, "shape": x.shape, "datatype": datatype}
    tensor["parameters"] = {"binary_data_size": x.nbytes}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}, **fields}).encode()
    return head + x.tobytes(), {HEADER: str(len(head))}


def result_of(answer: Any) -> np.ndarray:
    """The tensor of an answer."""
    assert answer.status_code == 200, answer.text
    length = answer.headers.get(HEADER)
    if length is None:
        output = answer.json()["outputs"][0]
        return np.array(output["data"], np.float32).reshape(output["shape"])
    output = json.loads(answer.content[: int(length)])["outputs"][0]
    return np.frombuffer(answer.content[int(length) :], "<f4").reshape(output["shape"])


class TestMetadata:
    def test_of_the_server(self, client: Callable[..., Any]):
        answer = client().get("/v2").json()
        assert answer == {"name": "lcnn", "version": lcnn_engine.__version__, "extensions": ["binary_tensor_data"]}

    def test_health(self, client: Callable[..., Any]):
        asked = client()
        assert asked.get("/v2/health/live").json() == {"live": True}
        assert asked.get("/v2/health/ready").json() == {"ready": True}
        assert asked.get("/v2/models").json() == {"models": ["small", "bare", "wide"]}

    @pytest.mark.parametrize("path", ["/v2/models/small", "/v2/models/small/versions/1"])
    def test_of_a_model(self, client: Callable[..., Any], path: str):
        asked = client()
        answer = asked.get(path).json()
        assert (answer["name"], answer["versions"]) == ("small", ["1"])
        assert answer["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 20, 17, 3]}]
        assert answer["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}]
        assert asked.get(f"{path}/ready").json() == {"name": "small", "ready": True}

    @pytest.mark.parametrize("path", ["/v2/models/none", "/v2/models/small/versions/2", "/v2/models/small/versions/x"])
    def test_of_what_is_not_there(self, client: Callable[..., Any], path: str):
        asked = client()
        answers = [asked.get(path), asked.get(f"{path}/ready"), asked.post(f"{path}/infer", content=b"{}")]
        assert [answer.status_code for answer in answers] == [404] * 3
        assert all(answer.json()["error"].startswith("expected ") for answer in answers)


class TestInfer:
    PATH = "/v2/models/small/infer"

    @pytest.mark.parametrize("path", [PATH, "/v2/models/small/versions/1/infer"])
    @pytest.mark.parametrize("count", [None, 1, 3, 40])
    def test_it_gives_the_bits_of_run(self, client: Callable[..., Any], small: Net, path: str, count: int | None):
        x = images(small.graph, count or 1)
        x = x if count else x[0]
        body, headers = in_binary(small, x)
        asked = client()
        expected = small.run(x)
        for answer in (asked.post(path, content=body, headers=headers), asked.post(path, content=in_json(small, x))):
            found = result_of(answer)
            assert found.shape == expected.shape
            assert np.array_equal(found, expected)

    @pytest.mark.parametrize("padding", range(4))
    def test_wherever_the_data_begin(self, client: Callable[..., Any], small: Net, padding: int):
        x = images(small.graph, 2)
        body, headers = in_binary(small, x, id="x" * padding)
        assert np.array_equal(result_of(client().post(self.PATH, content=body, headers=headers)), small.run(x))

    @pytest.mark.parametrize(("datatype", "dtype"), [("FP16", np.float16), ("FP64", np.float64)])
    def test_other_floats(self, client: Callable[..., Any], small: Net, datatype: str, dtype: type):
        x = images(small.graph, 2).astype(dtype)
        body, headers = in_binary(small, x, datatype)
        assert np.array_equal(result_of(client().post(self.PATH, content=body, headers=headers)), small.run(x))

    @pytest.mark.parametrize("shape", [(9, 30, 3), (2, 9, 30, 3), (3, 5, 5, 1), (1, 8, 8, 4)])
    def test_pictures_go_through_preprocessing(self, client: Callable[..., Any], small: Net, shape: tuple[int, ...]):
        x = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        body, headers = in_binary(small, x, "UINT8")
        assert np.array_equal(result_of(client().post(self.PATH, content=body, headers=headers)), small.predict(x))

    def test_ids_come_back(self, client: Callable[..., Any], small: Net):
        body = in_json(small, images(small.graph), id="seven")
        assert client().post(self.PATH, content=body).json()["id"] == "seven"

    @pytest.mark.parametrize(
        ("shape", "datatype", "message"),
        [
            ((1, 20, 17, 4), "FP32", "preprocessed input of shape"),
            ((20, 17), "FP32", "preprocessed input of shape"),
            ((1, 3, 20, 17), "FP32", "channels come first"),
            ((1, 1, 20, 17, 3), "FP32", "preprocessed input of shape"),
            ((20, 17), "UINT8", "pictures of shape"),
            ((2, 20, 17), "UINT8", "pictures of shape"),
            ((1, 1, 20, 17, 3), "UINT8", "pictures of shape"),
        ],
    )
    def test_shapes_that_do_not_fit(
        self, client: Callable[..., Any], small: Net, shape: tuple[int, ...], datatype: str, message: str
    ):
        body, headers = in_binary(small, np.ones(shape, np.uint8 if datatype == "UINT8" else np.float32), datatype)
        answer = client().post(self.PATH, content=body, headers=headers)
        assert answer.status_code == 400
        assert message in answer.json()["error"]

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_numbers_that_are_not_finite(self, client: Callable[..., Any], small: Net, bad: float):
        x = images(small.graph, 3)
        x[1, 2, 3, 1] = bad
        body, headers = in_binary(small, x)
        answer = client().post(self.PATH, content=body, headers=headers)
        assert answer.status_code == 400
        assert "finite" in answer.json()["error"]

    @pytest.mark.parametrize("header", ["x", "-1", "1.5", "", "9" * 40, "٣", "1000000"])
    def test_headers_that_mean_nothing(self, client: Callable[..., Any], small: Net, header: str):
        body, _ = in_binary(small, images(small.graph))
        answer = client().post(self.PATH, content=body, headers={HEADER: header.encode()})
        assert answer.status_code == 400
        assert "error" in answer.json()

    def test_many_tiny_pictures(self, client: Callable[..., Any], small: Net):
        """A thousand bytes that would become four megabytes of inputs."""
        body, headers = in_binary(small, np.zeros((1000, 1, 1, 1), np.uint8), "UINT8")
        answer = client(max_body=10_000).post(self.PATH, content=body, headers=headers)
        assert answer.status_code == 413
        assert "expected inputs of at most 40000 bytes, got 4080000" in answer.json()["error"]

    def test_results_that_are_much_larger(self, client: Callable[..., Any], wide: Net):
        body, headers = in_binary(wide, np.ones((100, 1, 1, 1), np.float32))
        answer = client(max_body=10_000).post("/v2/models/wide/infer", content=body, headers=headers)
        assert answer.status_code == 413
        assert "expected results of at most 40000 bytes, got 1600000" in answer.json()["error"]

    def test_no_work_is_begun_that_is_too_late(self, small: Net):
        with pytest.raises(HTTPException) as caught:
            run(small, images(small.graph, 20), time.monotonic() - 1)
        assert caught.value.status_code == 504

    def test_damaged_requests_are_refused_and_never_a_fault(self, client: Callable[..., Any], small: Net):
        """Bytes changed, left out and put in, of both kinds of request, and headers beside the right one."""
        rng = np.random.default_rng(7)
        x = images(small.graph, 2)
        whole = [in_binary(small, x), (in_json(small, x[0]), {})]
        asked = client()
        statuses = []
        for number in range(300):
            body, headers = whole[number % 2]
            changed = bytearray(body)
            for _ in range(rng.integers(1, 4)):
                at = int(rng.integers(0, 150 if rng.random() < 0.8 else len(changed)))
                changed[at : at + int(rng.integers(0, 3))] = rng.bytes(int(rng.integers(0, 3)))
            if headers and rng.random() < 0.2:
                headers = {HEADER: str(int(headers[HEADER]) + int(rng.integers(-2, 3)))}
            answer = asked.post(self.PATH, content=bytes(changed), headers=headers)
            statuses.append(answer.status_code)
            assert answer.status_code == 200 or answer.json()["error"]
        assert set(statuses) <= {200, 400, 413}
        assert statuses.count(400) > 100
