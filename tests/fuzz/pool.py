"""Processes in which inputs are tried, and how one that ended, or does not go on, is found out about."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
STALLED = 120  # looks, a second apart, at a process that sleeps and has done nothing since the first of them
TICK = 1.0


class EndedError(Exception):
    """The process ended, or had to, in the middle of a job: ``data`` is what it was trying, ``what`` how it ended."""

    def __init__(self, what: str, data: bytes) -> None:
        super().__init__(what)
        self.what, self.data = what, data


class Status(NamedTuple):
    """Of a process: its state as a letter, and the ticks of the processor that it has had."""

    state: str
    ticks: int


class Process:
    """A worker process; started when it is needed, and again after it has ended."""

    def __init__(self, note: Path, corpus: Path, options: tuple[str, ...] = ()) -> None:
        self._note, self._corpus, self._options = note, corpus, options
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Have a job done. Raises EndedError where the process does not live to answer."""
        if self._process is None:
            self._note.write_bytes(b"")
            command = [sys.executable, "-m", "tests.fuzz.worker", self._note, self._corpus, *self._options]
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
            line = self._answer()
        except BrokenPipeError:
            line = b""
        if line.endswith(b"\n"):
            answer: dict[str, Any] = json.loads(line)
            return answer
        raise EndedError(self._ended(), self._note.read_bytes())

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _answer(self) -> bytes:
        """Wait for a line; cut short where there will be none."""
        assert self._process is not None
        assert self._process.stdout is not None
        stream = self._process.stdout.fileno()
        line, looks, before = b"", 0, Status("", 0)
        while not line.endswith(b"\n"):
            if select.select([stream], [], [], TICK)[0]:
                read = os.read(stream, 2**16)
                if not read:
                    return line
                line, looks = line + read, 0
                continue
            now = status_of(self._process.pid)
            asleep = now.state in "SD" and now.ticks == before.ticks  # one that is stopped is not stalled
            looks, before = looks + 1 if asleep else 0, now
            if looks > STALLED:
                self._process.send_signal(signal.SIGABRT)
        return line

    def _ended(self) -> str:
        assert self._process is not None
        code = self._process.wait()
        self._process = None
        if code >= 0:
            return f"the process ended by itself, with {code}"
        with suppress(ValueError):
            name = signal.Signals(-code).name
            why = {"SIGPROF": ": too much processor time", "SIGABRT": ": it hung, or gave up"}.get(name, "")
            return f"the process ended by {name}{why}"
        return f"the process ended by signal {-code}"


def status_of(process: int) -> Status:
    """Look at a process, without waiting."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return Status("", 0)
    return Status(fields[0], int(fields[11]) + int(fields[12]))
