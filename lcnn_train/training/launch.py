"""Workers of one machine: started together, watched together, ended together.

Each gets TF_CONFIG with an address of its own on the loopback interface, and writes to a log of its own; the chief's is
shown as it grows. When one dies the rest cannot go on: they are ended, and if restarts are left all begin again, from
the last checkpoint.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lcnn_train.training.interrupts import Interrupts

_POLL = 0.1
_GRACE = 20.0  # seconds that a worker has to write a checkpoint after a polite request
_PR_SET_PDEATHSIG = 1
# Starting again changes nothing of these: a check that failed, bad input, an interrupt.
_FINAL = (1, 2, 128 + signal.SIGINT, 128 + signal.SIGTERM)
_LOST = 1  # also the status of a worker that has lost the others
_TAIL = 8  # lines of a log that are shown when its worker has died


class Worker:
    """One process, its number and its log."""

    def __init__(self, number: int, command: Sequence[str], environment: dict[str, str], log: Path):
        self.number, self.log = number, log
        with log.open("ab") as output:
            self.begin = output.tell()  # where its own lines begin, after those of an earlier start
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the launcher alone, which passes it on
                preexec_fn=_die_with_parent,
            )

    @property
    def status(self) -> int | None:
        """As of a shell: 128 + n after signal n; None while it runs."""
        code = self.process.poll()
        return None if code is None else code if code >= 0 else 128 - code

    def send(self, number: int) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def tail(self) -> str:
        """Read the last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:])


def launch(
    command: Sequence[str],
    workers: int,
    logs: Path,
    restarts: int = 0,
    gpus_per_worker: int | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Run `command` as so many workers; the exit status of the first that failed, or 0.

    Args:
        command: a program that reads TF_CONFIG, with its arguments.
        logs: a folder for worker-0.log, worker-1.log ...
        restarts: how often all are started again after one died of a signal or an unknown error.
        gpus_per_worker: so many GPUs for each, by CUDA_VISIBLE_DEVICES; None leaves that as it is.
        say: what to do with a line of the chief's, or of the launcher's.
    """
    logs.mkdir(parents=True, exist_ok=True)
    for attempt in range(restarts + 1):
        with Interrupts() as interrupts:
            running = _start(command, workers, logs, gpus_per_worker)
            for worker in running:
                say(f"launch: worker {worker.number} is process {worker.process.pid}, its log {worker.log}")
            status = _watch(running, interrupts, say)
        if status == 0 or interrupts.came or status in _FINAL:
            return status
        if attempt < restarts:
            say(f"launch: starting all {workers} workers again ({attempt + 1} of {restarts})")
    return status


def _start(command: Sequence[str], workers: int, logs: Path, gpus: int | None) -> list[Worker]:
    with _free_ports(workers) as ports:
        addresses = [f"127.0.0.1:{port}" for port in ports]
    started = []
    for number in range(workers):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": number}}
        environment = {**os.environ, "TF_CONFIG": json.dumps(task), "PYTHONUNBUFFERED": "1"}
        if gpus is not None:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, range(number * gpus, (number + 1) * gpus)))
        started.append(Worker(number, command, environment, logs / f"worker-{number}.log"))
    return started


@contextlib.contextmanager
def _free_ports(count: int) -> Iterator[list[int]]:
    """Ports that nobody has, held until the block ends: TensorFlow has no way to take one over."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        yield [one.getsockname()[1] for one in sockets]


def _watch(workers: Sequence[Worker], interrupts: Interrupts, say: Callable[[str], None]) -> int:
    """Until all have ended; when one fails, or a signal comes, the rest are ended too."""
    chief = _Follower(workers[0].log, workers[0].begin)
    passed_on = False
    try:
        while any(worker.status is None for worker in workers):
            for line in chief:
                say(line)
            if interrupts.came and not passed_on:
                passed_on = True
                _end(workers, interrupts.came)
            died = [worker for worker in workers if worker.status]
            if died:
                # The first to die is often followed at once by those that have lost it.
                first = max(died, key=lambda worker: worker.status != _LOST)
                return _report(first, workers, passed_on, say)
            time.sleep(_POLL)
        failed = [worker for worker in workers if worker.status]
        return _report(failed[0], workers, passed_on, say) if failed else 0
    finally:
        _end(workers, signal.SIGKILL)
        for line in chief:
            say(line)


def _report(died: Worker, workers: Sequence[Worker], asked_to: bool, say: Callable[[str], None]) -> int:
    status = died.status or 0
    if not asked_to:
        how = f"was killed by {signal.Signals(status - 128).name}" if status > 128 else f"ended with status {status}"
        say(f"launch: worker {died.number} {how}; its log, {died.log}, ends with:\n{died.tail()}")
    _end(workers, signal.SIGKILL)
    return status


def _end(workers: Sequence[Worker], number: int) -> None:
    """Send a signal and wait; whoever is still there after a while is killed."""
    for worker in workers:
        worker.send(number)
    end = time.monotonic() + _GRACE
    for worker in workers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.process.wait(max(end - time.monotonic(), 0.0))
    for worker in workers:
        worker.send(signal.SIGKILL)
        worker.process.wait()


class _Follower:
    """The lines of a growing file, each once, from a position on."""

    def __init__(self, path: Path, position: int):
        self.path, self.position = path, position

    def __iter__(self) -> Iterator[str]:
        with self.path.open("rb") as file:
            file.seek(self.position)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self.position += len(line)
                yield line.decode("utf-8", errors="replace").rstrip("\n")


def _die_with_parent() -> None:
    """In the child, before it becomes the worker: no worker outlives a launcher that was killed (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def fit_command(arguments: Sequence[str]) -> list[str]:
    """Make the command `lcnn-train fit ARGUMENTS` with this Python."""
    return [sys.executable, "-m", "lcnn_train", "fit", *arguments]
