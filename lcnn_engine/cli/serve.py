"""``lcnn serve``: networks over HTTP."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from ..errors import MissingPackageError, SettingError
from ..net import Net
from ..runtime.threads import default_threads
from ..serve.running import Listening, is_loopback, serve
from ..serve.settings import Settings, size_of
from .loading import load

PACKAGES = ("starlette", "uvicorn", "httptools", "python_multipart", "prometheus_client")

LONGEST_TOKEN = 4096  # bytes of its file


def run(options: argparse.Namespace) -> int:
    """Load the networks, and serve them until SIGTERM or Ctrl-C."""
    for package in PACKAGES:
        if find_spec(package) is None:
            raise MissingPackageError(f'expected {package} to serve, found none: pip install "lcnn[serve]"')
    chosen = Settings(
        threads=options.threads or max(1, default_threads() // options.workers),
        queue=options.queue,
        max_body=size_of(options.max_body),
        max_pixels=options.max_pixels,
        seconds=options.seconds,
        token=_token(options.token),
        hosts=_hosts(options.host) if is_loopback(options.host) and options.token is None else None,
    )
    listening = Listening(options.host, options.port, options.workers, requests_logged=not options.quiet)
    return serve(_models(options), chosen, listening)


def _models(options: argparse.Namespace) -> dict[str, Net]:
    """Load each network, by the name that its file has without its ending."""
    models: dict[str, Net] = {}
    for path in options.models:
        name = Path(path).stem
        if name in models:
            raise SettingError(f"expected models with names of their own, got {name!r} twice; rename a file")
        models[name] = load(argparse.Namespace(**{**vars(options), "model": path}), threads=1)
    return models


def _token(path: str | None) -> str | None:
    if path is None:
        return None
    with Path(path).open("rb") as file:
        text = file.read(LONGEST_TOKEN + 1)
    if len(text) > LONGEST_TOKEN:
        raise SettingError(f"{path}: expected a token, got more than {LONGEST_TOKEN} bytes")
    return text.decode("utf-8", "replace").strip()


def _hosts(host: str) -> frozenset[str]:
    """Name what a server that asks for no token may be called."""
    return frozenset({"localhost", "127.0.0.1", "::1", host.lower()})
