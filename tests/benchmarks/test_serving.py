"""The benchmark of the server measures what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from benchmarks import serving
from benchmarks.serving import Load
from benchmarks.utils.machine import allowed
from lcnn_engine import Net, write_model
from tests.helpers.networks import small_classifier


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    write_model(*small_classifier(), path)
    return path


@pytest.mark.skipif(len(allowed()) < 2, reason="the server and its clients take a core each")
def test_a_server_and_a_loop_are_measured(model: Path) -> None:
    core = min(allowed())
    own = allowed()
    with serving.server([model], core) as port:
        load = serving.measured_load(port, "small", model, 2, core, rounds=1, seconds=0.2)
        small = serving.measured_small(port, model, core, rounds=1, seconds=0.2)
    assert load.requests > 0
    assert 0 < load.ratio == pytest.approx(load.served / load.loop)
    assert 0 < load.median <= load.p99
    assert small["alone"] < small["small"]
    assert allowed() == own


def test_its_requests_are_of_the_inputs_of_the_loop(model: Path) -> None:
    net = Net.load(model, threads=1)
    x, body, headers = serving.request_of(net, 3)
    with serving.server([model], min(allowed())) as port:
        connection = serving.HTTPConnection("127.0.0.1", port)
        answer = serving.ask(connection, "/v2/models/small/infer", body, headers)
        with pytest.raises(RuntimeError, match="expected 200, got 404"):
            serving.ask(connection, "/v2/models/none/infer", body, headers)
        connection.close()
    assert answer.endswith(net.run(x).tobytes())
    assert np.shape(x) == (3, *net.input_shape)


@pytest.mark.parametrize(("ratio", "p99", "holds"), [(0.8, 0.0999, True), (0.79, 0.02, False), (0.9, 0.1, False)])
def test_what_holds(ratio: float, p99: float, holds: bool) -> None:
    assert Load("small", 1, 100.0, 100 * ratio, ratio, 0.01, p99, 1000).holds is holds


def test_a_server_that_does_not_start_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="expected a server to start"), serving.server([tmp_path / "none"], 0):
        pass
