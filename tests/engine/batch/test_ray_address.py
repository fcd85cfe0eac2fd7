"""Addresses at which no Ray is: a reason in the time that is stated, never a hang."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from lcnn_engine import SettingError
from lcnn_engine.batch import on_ray, run_batch
from lcnn_engine.batch.ray_address import GREETING, SECONDS, check_answers
from tests.helpers.running import ROOT

FRAME = bytes([0, 0, 24, 4, 0, 0, 0, 0, 0])  # the head of a server's settings


def own_host() -> str:
    return "127.0.0.1"


@contextmanager
def answering(*parts: bytes, pause: float = 0.0) -> Iterator[str]:
    """Listen, and answer the first connection; gives the address."""

    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            found = connection.recv(1000)
            assert found in (GREETING, b"")
            with suppress(BrokenPipeError, ConnectionResetError):  # who asked has heard enough
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join(60)


@pytest.mark.parametrize("scheme", ["", "ray://"])
@pytest.mark.parametrize("parts", [[FRAME + bytes(24)], [FRAME[:1], FRAME[1:5], FRAME[5:]]])
def test_what_speaks_as_ray(scheme: str, parts: list[bytes]):
    with answering(*parts, pause=0.02) as address:
        check_answers(scheme + address, own_host, 30)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", FRAME[:3], b"-ERR unknown command\r\n"])
def test_what_does_not(answer: bytes):
    with (
        answering(answer) as address,
        pytest.raises(SettingError, match=f"expected a Ray cluster at {address}, got another.*; see there by"),
    ):
        check_answers(address, own_host, 30)


def test_what_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(SettingError, match=rf"Ray cluster at {address}, got no answer within 0\.5 s; see there by"):
            check_answers(address, own_host, 0.5)
        assert 0.4 < time.monotonic() - start < 10


def test_what_answers_a_byte_at_a_time():
    with answering(*[b"\0"] * 20, pause=0.2) as address, pytest.raises(SettingError, match="got no answer within"):
        check_answers(address, own_host, 0.5)


def test_where_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    with pytest.raises(SettingError, match=f"Ray cluster at {address}, got Connection refused; see there by"):
        check_answers(address, own_host)


def test_a_name_that_is_none():
    with pytest.raises(SettingError, match=r"expected a Ray cluster at nobody\.invalid:6379, got .*; see there by"):
        check_answers("nobody.invalid:6379", own_host)


@pytest.mark.parametrize(
    "address", ["auto", "local", "ray://", "module://x:1", "host", "[::1", "host:port", "host:99999"]
)
def test_what_ray_looks_up_itself(address: str):
    check_answers(address, own_host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_loopback_is_what_ray_takes_it_for(host: str):
    with answering(FRAME) as address:
        check_answers(f"{host}:{address.partition(':')[2]}", own_host)


def test_where_it_would_have_to_be_encrypted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with answering() as address:
        check_answers(address, own_host)


class TestWithRay:
    @pytest.fixture(autouse=True)
    def with_ray(self) -> None:
        pytest.importorskip("ray.data", reason="the engine ray needs Ray")

    @pytest.mark.parametrize("by_environment", [False, True])
    def test_a_run_that_is_refused(
        self,
        model_path: Path,
        pictures: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        by_environment: bool,
    ):
        import ray

        monkeypatch.setattr(on_ray, "check_answers", partial(check_answers, seconds=1.0))
        with socket.create_server((ray.util.get_node_ip_address(), 0)) as listening:
            address: str | None = f"127.0.0.1:{listening.getsockname()[1]}"
            if by_environment:
                monkeypatch.setenv("RAY_ADDRESS", str(address))
                address = None
            with pytest.raises(SettingError, match="got no answer within 1 s"):
                run_batch(model_path, [pictures], tmp_path / "a.csv", engine="ray", address=address)
        assert not ray.is_initialized()

    def test_the_command(self, model_path: Path, pictures: Path, tmp_path: Path):
        """In the time that is stated, and what Python and Ray need to start."""
        import ray

        command = [sys.executable, "-m", "lcnn_engine", "batch", model_path, pictures, "--out", tmp_path / "a.csv"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with socket.create_server((ray.util.get_node_ip_address(), 0)) as listening:
            address = f"127.0.0.1:{listening.getsockname()[1]}"
            command += ["--engine", "ray", "--address", address]
            found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS + 120)
        assert found.returncode == 2
        assert found.stderr.count("\n") == 1
        assert f"expected a Ray cluster at {address}, got no answer within 30 s; see there by" in found.stderr
