"""``lcnn serve`` as a process: how it starts, what is shared, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from lcnn_engine import Net, SettingError, write_model
from lcnn_engine.model.graph import Dense, Flatten
from lcnn_engine.serve.running import Listening, is_loopback, serve
from lcnn_engine.serve.settings import Settings
from tests.helpers.networks import chain, with_tensors
from tests.helpers.serving import SECONDS, SLOW, Server, program, served

linux = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from /proc")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("LocalHost", True),
        ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("example.com", False), ("", False),
    ],
)  # fmt: skip
def test_what_only_this_machine_reaches(host: str, expected: bool):
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "example.com"])
def test_any_other_host_needs_a_token(net: Net, host: str):
    with pytest.raises(SettingError, match="expected a token for the host"):
        serve({"small": net}, Settings(), Listening(host, 0))


@pytest.mark.parametrize("listening", [{"port": -1}, {"port": 65536}, {"workers": 0}])
def test_what_cannot_be(listening: dict[str, Any]):
    with pytest.raises(SettingError, match="expected"):
        Listening(**listening)


def test_a_port_that_is_taken(net: Net):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use") as caught:
            serve({"small": net}, Settings(), Listening(port=port))
    assert caught.value.filename == f"127.0.0.1:{port}"


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
def test_it_answers_and_ends(model_path: Path, net: Net, picture: bytes, signal_: int, workers: int):
    with served(model_path, "--workers", workers) as server:
        status, answer, _ = server.ask("POST", "/classify?top=2", picture)
        assert status == 200
        assert [(one["label"], one["probability"]) for one in answer["top"]] == net.classify(picture, 2)
        assert server.end(signal_) == 0
        assert server.lines[-1]["event"] == "ended"
        with pytest.raises(OSError, match="refused"):
            server.connect()


def test_the_first_request_waits_for_nothing_that_is_done_once(model_path: Path):
    """Pillow and its formats take tens of milliseconds to import."""
    look = "import atexit, json; atexit.register(lambda: print(json.dumps({'event': 'modules', 'level': 'info', "
    look += "'pillow': 'PIL.PngImagePlugin' in sys.modules}), file=sys.stderr))"
    with served(model_path, program=program(before=look)) as server:
        assert server.end() == 0
        assert server.wait_for("modules")["pillow"] is True


def ask_aside(server: Server, body: bytes) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(server.ask("POST", "/classify", body)))
    thread.start()
    return thread, answers


@pytest.mark.parametrize("workers", [1, 2])
def test_open_requests_are_answered_before_the_end(model_path: Path, picture: bytes, workers: int):
    slow = program(settings="threads=2", listening=f"workers={workers}", before=SLOW.format(seconds=1.0))
    with served(model_path, program=slow) as server:
        assert server.ask("GET", "/v2/health/live")[0] == 200  # it serves
        asked = [ask_aside(server, picture) for _ in range(2)]
        time.sleep(0.4)
        assert server.end() == 0
        for thread, answers in asked:
            thread.join(SECONDS)
            assert [answer[0] for answer in answers] == [200]


def test_but_none_is_waited_for_longer_than_grace(model_path: Path, picture: bytes):
    """A body that does not come: the client is let go."""
    with served(model_path, program=program(listening="grace=1")) as server, server.connect() as connection:
        connection.sendall(b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nxx")
        time.sleep(0.2)
        start = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - start < 10


def test_a_full_queue_is_answered_503(model_path: Path, picture: bytes):
    slow = program(settings="threads=1, queue=1", before=SLOW.format(seconds=1.0))
    with served(model_path, program=slow) as server:
        asked = [ask_aside(server, picture) for _ in range(6)]
        for thread, _ in asked:
            thread.join(SECONDS)
        found = [answers[0] for _, answers in asked]
        statuses = sorted(status for status, _, _ in found)
        assert statuses == [200, 200, 503, 503, 503, 503]
        assert {headers["Retry-After"] for status, _, headers in found if status == 503} == {"1"}


def test_a_worker_that_dies_is_replaced(model_path: Path, picture: bytes):
    with served(model_path, "--workers", 2) as server:
        assert server.ask("POST", "/classify", picture)[0] == 200
        victim = server.wait_for("request")["process"]
        os.kill(victim, signal.SIGKILL)
        assert server.wait_for("worker died")["worker"] == victim
        until = time.monotonic() + SECONDS
        processes = set()
        while len(processes - {victim}) < 2 and time.monotonic() < until:
            assert server.ask("POST", "/classify", picture)[0] == 200
            processes = {line["process"] for line in list(server.lines) if line["event"] == "request"}
            time.sleep(0.02)
        assert len(processes - {victim}) == 2
        assert server.end() == 0


def test_figures_are_those_of_all_workers(model_path: Path, picture: bytes, tmp_path: Path):
    with served(model_path, "--workers", 2, TMPDIR=str(tmp_path)) as server:
        for _ in range(10):
            assert server.ask("POST", "/classify", picture)[0] == 200
        assert 'lcnn_inputs_total{model="small"} 10.0' in server.ask("GET", "/metrics")[1].decode()
        assert server.end() == 0
    assert not list(tmp_path.iterdir())


def test_workers_end_with_their_parent(model_path: Path, picture: bytes):
    with served(model_path, "--workers", 2) as server:
        assert server.ask("POST", "/classify", picture)[0] == 200
        server.process.kill()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            try:
                server.connect().close()
            except ConnectionRefusedError:
                return
            time.sleep(0.1)
        raise AssertionError("somebody listens still")


@linux
def test_workers_share_the_weights(tmp_path: Path):
    """64 MiB of weights, computed with in each of three processes, take the memory of one."""
    nodes = [
        Flatten(name="flat", inputs=("image",)),
        Dense(name="large", inputs=("flat",), units=4096),
        Dense(name="last", inputs=("large",), units=2),
    ]
    model = tmp_path / "large.safetensors"
    write_model(*with_tensors(chain(nodes, (64, 64, 1))), model)
    tensor = {"name": "image", "shape": [64, 64, 1], "datatype": "FP32", "data": [1.0] * 4096}
    body = json.dumps({"inputs": [tensor]}).encode()
    with served(model, "--workers", 3) as server:
        until = time.monotonic() + SECONDS
        processes: set[int] = set()
        while len(processes) < 3 and time.monotonic() < until:
            assert server.ask("POST", "/v2/models/large/infer", body)[0] == 200
            processes = {line["process"] for line in list(server.lines) if line["event"] == "request"}
        assert len(processes) == 3
        private = [_memory(process, "Private_Dirty") + _memory(process, "Private_Clean") for process in processes]
        assert max(private) < 40 * 2**20
        assert min(_memory(process, "Rss") for process in processes) > 64 * 2**20
        assert sum(_memory(process, "Pss") for process in processes) < 2 * 64 * 2**20 + 3 * 40 * 2**20


def _memory(process: int, key: str) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))
