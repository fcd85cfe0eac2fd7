"""Slow and greedy clients, against a server with short times."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from lcnn_engine import Net
from tests.helpers.networks import images
from tests.helpers.serving import Server, program, received, served

LIMITS = "connections=3, head_bytes=3000, head_seconds=0.5, body_seconds=0.7, unsent_seconds=0.5"
SETTINGS = "max_body=200_000, max_bodies=300_000"
HEAD = b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
PROBE = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def server(model_path: Path) -> Iterator[Server]:
    with served(model_path, program=program(SETTINGS, limits=LIMITS)) as server:
        yield server


@pytest.fixture(autouse=True)
def _still_serving(server: Server) -> Iterator[None]:
    yield
    assert server.ask("GET", "/v2/health/live")[0] == 200


def refusal(answer: bytes) -> tuple[int, str]:
    """Status and error of the one answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nconnection: close" in head.lower()
    return int(head.split()[1]), json.loads(body)["error"]


def answer_of(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of the next answer."""
    answer = HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read()


def resident(process: int) -> int:
    """Bytes of memory that a process has."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        pytest.skip("memory is read from /proc")
    return next(1024 * int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS:"))


def test_who_says_nothing_is_let_go(server: Server):
    with server.connect() as connection:
        start = time.monotonic()
        assert received(connection) == b""
        assert 0.4 < time.monotonic() - start < 5


@pytest.mark.parametrize("drip", [b"GET /", PROBE, HEAD[:-2]], ids=["line", "headers", "post"])
def test_a_head_that_drips(server: Server, drip: bytes):
    with server.connect() as connection:
        connection.sendall(drip)
        start = time.monotonic()
        status, error = refusal(received(connection))
        assert 0.4 < time.monotonic() - start < 5
    assert (status, error) == (408, "expected a whole head within 0.5 s")


def test_a_head_that_goes_on_dripping(server: Server):
    """Each byte in time, but not all of them."""
    with server.connect() as connection:
        start = time.monotonic()
        try:
            while time.monotonic() - start < 10:
                connection.sendall(b"G" if time.monotonic() - start < 0.01 else b"E")
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() - start < 5


def test_a_head_without_end(server: Server):
    with server.connect() as connection:
        connection.sendall(PROBE + b"X: " + b"x" * 4000)
        status, error = refusal(received(connection))
    assert (status, error) == (431, "expected a head of at most 3000 bytes, got more")


@pytest.mark.parametrize("sent", [b"", b"some"])
def test_a_body_that_does_not_come(server: Server, sent: bytes):
    with server.connect() as connection:
        connection.sendall(HEAD + sent)
        status, error = refusal(received(connection))
    assert (status, error) == (408, "expected a whole body within 0.7 s")
    server.wait_for("request")


def test_times_are_those_of_one_request(server: Server):
    """A client that asks again and again takes longer than any limit, and none is passed."""
    with server.connect() as connection:
        for _ in range(4):
            connection.sendall(PROBE)
            time.sleep(0.3)
            connection.sendall(b"\r\n")
            assert answer_of(connection)[0] == 200


def test_a_second_head_that_drips(server: Server):
    with server.connect() as connection:
        connection.sendall(PROBE + b"\r\n")
        assert answer_of(connection)[0] == 200
        connection.sendall(b"GET /v2 HTTP/1.1\r\n")
        assert refusal(received(connection))[0] == 408


def test_too_many_connections(server: Server):
    connections = [server.connect() for _ in range(3)]
    try:
        connections[0].sendall(PROBE + b"\r\n")
        assert answer_of(connections[0])[0] == 200
        with server.connect() as one_more:
            answer = received(one_more)
        assert refusal(answer)[0] == 503
        assert b"retry-after: 1" in answer
    finally:
        for connection in connections:
            connection.close()
    time.sleep(0.1)


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /v2 HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET /v2 HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /v2 HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_http(server: Server, request_: bytes):
    with server.connect() as connection:
        connection.sendall(request_)
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 4") or answer == b""


def test_a_flood_of_requests_before_the_first_answer(server: Server):
    with server.connect() as connection:
        connection.sendall((PROBE + b"\r\n") * 500)
        answer = received(connection)
    assert answer.count(b"HTTP/1.1 200") < 50


def test_a_few_are_answered_in_their_order(server: Server):
    with server.connect() as connection:
        first = b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connection.sendall(first + PROBE + b"\r\n" + first + PROBE + b"Connection: close\r\n\r\n")
        bodies = [part.partition(b"\r\n\r\n")[2] for part in received(connection).split(b"HTTP/1.1 200 OK")[1:]]
    assert [b"live" in body for body in bodies] == [False, True, False, True]


def ask_without_reading(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_who_does_not_take_an_answer_is_dropped(server: Server):
    """Answers pile up in this machine's buffers, and then at the server, which asks for no more."""
    with server.connect() as connection, pytest.raises((ConnectionResetError, BrokenPipeError)):
        ask_without_reading(connection)


class TestLargeBodies:
    """They are received by another way than small ones."""

    PATH = "/v2/models/small/infer"

    def request(self, net: Net, count: int) -> tuple[bytes, np.ndarray]:
        x = images(net.graph, count)
        tensor = {"name": "image", "shape": x.shape, "datatype": "FP32", "parameters": {"binary_data_size": x.nbytes}}
        head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
        lines = f"POST {self.PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(head) + x.nbytes}\r\n"
        lines += f"Inference-Header-Content-Length: {len(head)}\r\n\r\n"
        return lines.encode() + head + x.tobytes(), net.run(x)

    @pytest.mark.parametrize(
        "sizes", [[10**9], [50, 1], [100_000, 10**9], [300, 65_536, 1, 10**9], [16_384] * 8, [7_000] * 100]
    )
    def test_they_come_whole_however_they_are_cut(self, server: Server, net: Net, sizes: list[int]):
        """Ten large and ten small bodies on one connection."""
        with server.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for count in [30, 2] * 5:
                content, expected = self.request(net, count)
                for size in sizes:
                    connection.sendall(content[:size])
                    content = content[size:]
                    time.sleep(0.001)
                connection.sendall(content)
                assert answer_of(connection)[1].endswith(expected.tobytes())

    def test_before_a_further_request(self, server: Server, net: Net):
        content, expected = self.request(net, 20)
        with server.connect() as connection:
            connection.sendall(content + PROBE + b"\r\n" + content + PROBE + b"Connection: close\r\n\r\n")
            parts = received(connection).split(b"HTTP/1.1 200 OK")[1:]
        assert [part.endswith(expected.tobytes()) for part in parts] == [True, False, True, False]

    def test_a_client_that_waits_to_be_asked(self, server: Server, net: Net):
        content, expected = self.request(net, 40)
        head, _, body = content.partition(b"\r\n\r\n")
        with server.connect() as connection:
            connection.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
            assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body)
            assert answer_of(connection)[1].endswith(expected.tobytes())

    def test_one_of_megabytes(self, model_path: Path, net: Net):
        content, expected = self.request(net, 1200)
        assert len(content) > 2**22
        with served(model_path, program=program()) as server, server.connect() as connection:
            for _ in range(2):
                connection.sendall(content)
                assert answer_of(connection)[1].endswith(expected.tobytes())

    def test_memory_is_taken_as_it_is_filled(self, model_path: Path):
        """Thirty clients that announce 16 MiB each, and send a byte."""
        with served(model_path, program=program()) as server:
            assert server.ask("GET", "/v2/health/live")[0] == 200
            before = resident(server.process.pid)
            connections = [server.connect() for _ in range(30)]
            try:
                for connection in connections:
                    connection.sendall(HEAD.replace(b"100", b"16777216") + b"x")
                time.sleep(0.5)
                assert resident(server.process.pid) - before < 10 * 2**20
            finally:
                for connection in connections:
                    connection.close()

    @pytest.mark.parametrize("path", ["/classify", "/none"])
    def test_memory_is_free_again_once_they_are_answered(self, model_path: Path, path: str):
        """Whether they are read or not; without the garbage collector, which frees what holds itself, some time."""
        asked = HEAD.replace(b"/classify", path.encode()).replace(b"100", b"8000000") + b"x" * 8_000_000
        with served(model_path, program=program(before="import gc; gc.disable()")) as server:
            with server.connect() as connection:
                for number in range(13):
                    connection.sendall(asked)
                    assert answer_of(connection)[0] in (400, 404)
                    if number == 2:
                        before = resident(server.process.pid)
                assert resident(server.process.pid) - before < 3 * 8_000_000
            assert server.ask("GET", "/v2/health/live")[0] == 200

    def test_one_that_stops(self, server: Server):
        with server.connect() as connection:
            connection.sendall(HEAD.replace(b"100", b"100000") + b"x" * 50_000)
            status, error = refusal(received(connection))
        assert (status, error) == (408, "expected a whole body within 0.7 s")

    @pytest.mark.parametrize("length", [16_384, 40_000, 65_535, 65_536, 65_537, 150_000])
    def test_lengths(self, server: Server, length: int):
        status, answer, _ = server.ask("POST", "/classify", b"x" * length)
        assert status == 400
        assert answer["error"].startswith(f"{length} bytes: expected a whole image")

    def test_what_is_refused_before_it_is_read(self, server: Server):
        with server.connect() as connection:
            connection.sendall(HEAD.replace(b"/classify", b"/none").replace(b"100", b"100000") + b"x" * 50_000)
            assert answer_of(connection)[0] == 404
            connection.sendall(b"x" * 50_000 + PROBE + b"\r\n")
            assert answer_of(connection)[0] == 200

    def test_one_that_is_too_long(self, server: Server):
        status, answer, _ = server.ask("POST", "/classify", b"x" * 200_001)
        assert status == 413
        assert "at most 200000 bytes" in answer["error"]

    def test_all_together_are_bounded(self, server: Server):
        """Three of 150,000 bytes where 300,000 may be held."""
        connections = [server.connect() for _ in range(3)]
        try:
            for connection in connections:
                connection.sendall(HEAD.replace(b"100", b"150000") + b"x" * 140_000)
                time.sleep(0.05)
            answer = received(connections[2])
            assert refusal(answer)[0] == 503
            assert b"retry-after: 1" in answer
        finally:
            for connection in connections:
                connection.close()
        time.sleep(0.1)
        assert server.ask("POST", "/classify", b"x" * 150_000)[0] == 400  # what they held is free again


def test_a_client_that_leaves_is_no_fault(server: Server):
    large = HEAD.replace(b"100", b"100000") + b"x" * 50_000
    for sent in (HEAD, HEAD + b"x" * 50, PROBE + b"\r\n", large):
        with server.connect() as connection:
            connection.sendall(sent)
    time.sleep(0.2)
    assert not [line for line in server.lines if line["level"] == "error"]
