"""``examples/gunicorn``: a server of forked workers, as its users would start, ask and end it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.deploy_page import DIGITS, Clone, block, label_of

pytest.importorskip("gunicorn", reason="gunicorn is not installed")
PORT = 8000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    def __init__(self, clone: Clone) -> None:
        start, self.ask = block("gunicorn -c").rstrip().splitlines()
        self.port = free_port()
        command = f"exec {start.removesuffix(' &').replace('MODEL=', 'env MODEL=')} --bind 127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            ["bash", "-c", command], cwd=clone.folder, env=clone.environment(), stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(self.end())

    def request(self, method: str, body: bytes | None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, "/", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def end(self) -> str:
        """Ask it to end, and give what it wrote."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=60)[1]


@pytest.fixture(scope="module")
def server(built: Clone) -> Iterator[Server]:
    running = Server(built)
    yield running
    if running.process.poll() is None:
        running.end()


def test_pictures_are_classified(server: Server) -> None:
    for digit in DIGITS[:8]:
        status, classes = server.request("POST", digit.read_bytes())
        assert status == 200
        assert classes[0]["label"] == label_of(digit.name)
        assert len(classes) == 5


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_second_command_asks_it(server: Server, built: Clone) -> None:
    done = built.run(server.ask.replace(f":{PORT}", f":{server.port}"))
    assert json.loads(done.stdout)[0]["label"] == "0", done.stderr


def test_what_is_no_picture_gets_the_reason(server: Server) -> None:
    status, answer = server.request("POST", b"no picture")
    assert status == 422
    assert "expected a whole image" in answer["error"]


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", b"")])
def test_without_a_picture(server: Server, method: str, body: bytes | None) -> None:
    assert server.request(method, body)[0] == 400


def test_a_body_that_is_too_large_is_not_read(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="children are read from /proc")
def test_it_ends_with_all_its_workers(built: Clone) -> None:
    server = Server(built)
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    written = server.end()
    assert server.process.returncode == 0, written
    assert children
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(int(child), 0)
