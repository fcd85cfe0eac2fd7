"""Servers to ask: an application in this process, and ``lcnn serve`` as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SECONDS = 60  # for what should take far less
COMMAND = "import sys; from lcnn_engine.cli import main; sys.exit(main(['serve', '--port', '0', *sys.argv[1:]]))"


class Server:
    """A running ``lcnn serve``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port: int = self.wait_for("listening")["port"]

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line) if line.startswith("{") else {"event": "text", "text": line})

    def wait_for(self, event: str, count: int = 1) -> dict[str, Any]:
        """The ``count``-th line of that event."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            found = [line for line in list(self.lines) if line["event"] == event]
            if len(found) >= count:
                return found[count - 1]
            if self.process.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(0.01)
        raise AssertionError(f"no {event!r} in {self.lines}")

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, body (what JSON says, where it is JSON) and headers of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            content: Any = answer.read()
            if answer.headers.get_content_type() == "application/json":
                content = json.loads(content)
            return answer.status, content, answer.headers
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    def end(self, signal_: int = signal.SIGTERM) -> int:
        """Tell it to end, and give its exit status."""
        self.process.send_signal(signal_)
        return self.wait()

    def wait(self) -> int:
        """Give its exit status, once it has ended."""
        status = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        return status


@contextmanager
def served(*arguments: object, program: str = COMMAND, **environment: str) -> Iterator[Server]:
    """Run ``lcnn serve``, or ``program`` in its place, until the block ends."""
    former = os.environ.get("PYTHONPATH")
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [former])]), **environment},
    )
    try:
        yield Server(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        assert process.stderr is not None
        process.stderr.close()


def program(settings: str = "", listening: str = "", limits: str = "", before: str = "") -> str:
    """A program that serves the model file of its first argument; ``before`` is run before it does."""
    return f"""
import sys, time
from lcnn_engine import Net
from lcnn_engine.serve.running import Listening, serve
from lcnn_engine.serve.settings import Limits, Settings
{before}
net = Net.load(sys.argv[1], threads=1)
listening = Listening(port=0, {listening}{"," if listening else ""} limits=Limits({limits}))
sys.exit(serve({{"small": net}}, Settings({settings}), listening))
"""


SLOW = """
run = Net.run
def slow(self, *arguments, **options):
    time.sleep({seconds})
    return run(self, *arguments, **options)
Net.run = slow
"""


def received(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            return found
        if not part:
            return found
        found += part
