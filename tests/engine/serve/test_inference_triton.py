"""Triton's own client talks to the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="the extra serve is not installed")
pytest.importorskip("tritonclient.http", reason='tritonclient is not installed: pip install "tritonclient[http]"')

from tritonclient import http
from tritonclient.utils import InferenceServerException

from lcnn_engine import Net
from tests.helpers.networks import images
from tests.helpers.serving import Server, served


@pytest.fixture(scope="module")
def server(model_path: Path) -> Iterator[Server]:
    with served(model_path) as server:
        yield server


@pytest.fixture
def triton(server: Server) -> Iterator[Any]:
    client = http.InferenceServerClient(f"localhost:{server.port}")
    yield client
    client.close()


def test_health_and_metadata(triton: Any):
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("small")
    assert triton.is_model_ready("small", "1")
    assert not triton.is_model_ready("none")
    assert triton.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = triton.get_model_metadata("small")
    assert metadata["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 20, 17, 3]}]


@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("binary_out", [None, False, True])
@pytest.mark.parametrize("count", [1, 5])
def test_tensors(triton: Any, net: Net, binary_in: bool, binary_out: bool | None, count: int):
    x = images(net.graph, count)
    tensor = http.InferInput("image", x.shape, "FP32")
    tensor.set_data_from_numpy(x, binary_data=binary_in)
    outputs = None if binary_out is None else [http.InferRequestedOutput("probabilities", binary_data=binary_out)]
    result = triton.infer("small", [tensor], outputs=outputs, request_id="5")
    assert result.get_response()["id"] == "5"
    assert np.array_equal(result.as_numpy("probabilities"), net.run(x))


def test_requests_at_once(triton: Any, net: Net):
    x = images(net.graph, 2)
    tensor = http.InferInput("image", x.shape, "FP32").set_data_from_numpy(x)
    asked = [triton.async_infer("small", [tensor]) for _ in range(8)]
    assert all(np.array_equal(one.get_result().as_numpy("probabilities"), net.run(x)) for one in asked)


def test_refusals_have_their_reason(triton: Any):
    tensor = http.InferInput("image", [1, 20, 17, 4], "FP32").set_data_from_numpy(np.ones((1, 20, 17, 4), np.float32))
    with pytest.raises(InferenceServerException, match="preprocessed input of shape") as caught:
        triton.infer("small", [tensor])
    assert caught.value.status() == "400"
    with pytest.raises(InferenceServerException, match="expected a model among small"):
        triton.get_model_metadata("none")
