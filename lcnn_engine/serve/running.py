"""uvicorn as ``lcnn serve`` runs it: one process, or several that share a socket and the weights."""

from __future__ import annotations

import asyncio
import gc
import importlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FrameType

import numpy as np

from ..errors import SettingError
from ..images.decoding import open_image
from ..net import Net
from .figures import FIGURES_FOLDER, figures_folder
from .journal import event, set_up_logs
from .settings import Limits, Settings

__all__ = ["Listening", "is_loopback", "serve"]

BACKLOG = 128
KEEP_ALIVE = 30  # seconds
RESTART_SECONDS = 1.0  # at least between two starts of a worker
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Listening:
    """Where a server listens, and how it ends. Raises SettingError for what cannot be."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    grace: int = 30
    """Seconds for open requests, once it was told to end."""
    requests_logged: bool = True
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port < 2**16:
            raise SettingError(f"expected a port from 0 (any that is free) to 65535, got {self.port}")
        if self.workers < 1:
            raise SettingError(f"expected at least 1 worker, got {self.workers}")


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def serve(models: Mapping[str, Net], settings: Settings, listening: Listening) -> int:
    """Serve until SIGTERM or SIGINT, and then for what is open; 0.

    Raises SettingError for a host beyond this machine without a token, OSError where nothing can listen there.
    """
    if settings.token is None and not is_loopback(listening.host):
        raise SettingError(
            f"expected a token for the host {listening.host}, which others can reach, got none; give --token FILE, or "
            "serve on 127.0.0.1"
        )
    set_up_logs(listening.requests_logged)
    with _bound(listening) as sock:
        host, port = sock.getsockname()[:2]

        def announce() -> None:
            event("listening", host=host, port=port, models=list(models), workers=listening.workers)

        def run(announce: Callable[[], None], parent: int | None = None) -> int:
            return _run(models, settings, listening, sock, announce, parent)

        status = run(announce) if listening.workers == 1 else _Prefork(run, announce, listening).run()
        event("ended", status=status)
    return status


def _bound(listening: Listening) -> socket.socket:
    """Bind a socket. Raises OSError that names the place."""
    try:
        found = socket.getaddrinfo(listening.host, listening.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with ExitStack() as stack:
            sock = stack.enter_context(socket.socket(family, kind, protocol))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            sock.listen(BACKLOG)
            stack.pop_all()  # nothing failed: it stays open
            return sock
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{listening.host}:{listening.port}") from None


def _run(
    models: Mapping[str, Net], settings: Settings, listening: Listening, sock: socket.socket,
    announce: Callable[[], None], parent: int | None,
) -> int:  # fmt: skip
    """Serve in this process, no longer than ``parent`` lives."""
    import uvicorn  # here, and what needs the extra: prometheus_client decides when it is imported how it counts

    from .app import create_app
    from .connections import limited

    async def look_for_parent() -> None:
        if parent not in (None, os.getppid()):
            server.should_exit = True

    app = create_app(models, settings)
    config = uvicorn.Config(
        app, http=limited(listening.limits, app.state.service.bodies), ws="none", loop="asyncio", lifespan="on",
        log_config=None, access_log=False, proxy_headers=False, server_header=False, backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE, timeout_graceful_shutdown=listening.grace, timeout_notify=1,
        callback_notify=look_for_parent,
    )  # fmt: skip
    server = uvicorn.Server(config)

    def end(_: int, __: FrameType | None) -> None:  # before uvicorn listens for signals, and when it repeats them
        server.should_exit = True

    with _handling(end):
        _warm_up(models)
        announce()
        asyncio.run(server.serve(sockets=[sock]))
    return 0


def _warm_up(models: Mapping[str, Net]) -> None:
    """Do what the first request would wait for: import Pillow with its formats, and touch the memory of activations."""
    open_image(np.zeros((1, 1), np.uint8), "L")
    for net in models.values():
        net.run(np.zeros(net.input_shape, np.float32))


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call ``handler`` for the signals that end a server."""
    before = {one: signal.signal(one, handler) for one in SIGNALS}
    try:
        yield
    finally:
        for one, former in before.items():
            signal.signal(one, former)


class _Prefork:
    """Processes that are forked once the networks are loaded, so that all read the same memory, and started anew when
    one ends that was not told to."""

    def __init__(
        self, run: Callable[[Callable[[], None], int], int], announce: Callable[[], None], listening: Listening
    ) -> None:
        self._run = run
        self._announce = announce
        self._listening = listening
        self._workers: dict[int, float] = {}  # process -> when it was started
        self._ending = False

    def run(self) -> int:
        """Keep the processes running until SIGTERM or SIGINT; 0, or 1 where one had to be killed."""
        with figures_folder() as folder, _handling(self._end):
            os.environ[FIGURES_FOLDER] = str(folder)  # each process has its figures in a file there
            for name in (".app", ".connections"):
                importlib.import_module(name, __package__)  # once for all, as Pillow
            open_image(np.zeros((1, 1), np.uint8), "L")
            gc.freeze()  # or the children's collections would write to every object, and so make pages of their own
            for _ in range(self._listening.workers):
                self._start()
            self._announce()
            while not self._ending:
                self._replace_dead()
                time.sleep(0.2)
            return self._wait_for_all()

    def _end(self, _: int, __: FrameType | None) -> None:
        self._ending = True

    def _start(self) -> None:
        parent = os.getpid()
        process = os.fork()
        if process:
            self._workers[process] = time.monotonic()
            return
        status = 1
        try:
            for one in SIGNALS:
                signal.signal(one, signal.SIG_DFL)  # there is nothing to end gracefully yet
            status = self._run(lambda: None, parent)
        except BaseException as error:
            event("worker failed", level=logging.ERROR, error=error)
        finally:
            sys.stderr.flush()
            os._exit(status)  # past what the parent has yet to do, above all removing its folder

    def _replace_dead(self) -> None:
        for process, started in list(self._workers.items()):
            found, status = os.waitpid(process, os.WNOHANG)
            if not found:
                continue
            del self._workers[process]
            _forget_figures(process)
            event("worker died", level=logging.WARNING, worker=process, status=os.waitstatus_to_exitcode(status))
            time.sleep(max(0.0, started + RESTART_SECONDS - time.monotonic()))
            if not self._ending:
                self._start()

    def _wait_for_all(self) -> int:
        for process in self._workers:
            os.kill(process, signal.SIGTERM)
        until = time.monotonic() + self._listening.grace + 2
        while self._workers and time.monotonic() < until:
            for process in list(self._workers):
                if os.waitpid(process, os.WNOHANG)[0]:
                    del self._workers[process]
            time.sleep(0.05)
        for process in self._workers:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        return 1 if self._workers else 0


def _forget_figures(process: int) -> None:
    """Take a process that is no more out of what is counted now; what it has counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(process)
