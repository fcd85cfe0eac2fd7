"""The server and the batch, to be killed at work. They need the packages that they need."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from lcnn_engine import write_model
from tests.fuzz.kills import PATIENCE, Victim
from tests.fuzz.pool import ROOT
from tests.helpers.networks import small_classifier

PICTURES = 60


def _picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


class Server(Victim):
    """``lcnn serve`` of two processes, asked for one picture after the other: the same port serves again at once."""

    longest = 0.5

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._model = b""

    def work(self, folder: Path, begin: Callable[[], object], turns: int) -> None:
        model = folder / "small.safetensors"
        if not model.exists():
            write_model(*small_classifier(), model)
        command = [sys.executable, "-m", "lcnn_engine", "serve", model, "--port", str(self._port), "--workers", "2"]
        environment = {
            **os.environ,
            "TMPDIR": str(folder.parent),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        }
        server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while not self._answers("/v2/health/ready"):
            assert server.poll() is None, "expected it to serve"
            assert time.monotonic() < end, "expected it to serve by now"
            time.sleep(0.02)
        begin()
        for turn in range(turns):
            assert self._answers("/classify", _picture(turn))
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0

    def _answers(self, path: str, body: bytes | None = None) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", body, timeout=60) as answer:
                return isinstance(json.load(answer), dict)
        except OSError:
            return False

    def check(self, folder: Path) -> None:
        model = (folder / "small.safetensors").read_bytes()
        self._model = self._model or model
        assert model == self._model
        assert [path.name for path in folder.iterdir()] == ["small.safetensors"]


class Batch(Victim):
    """``lcnn batch``, which goes on where it was killed: in the end one row for each picture."""

    longest = 0.2

    def work(self, folder: Path, begin: Callable[[], object], turns: int) -> None:
        from lcnn_engine.batch.run import run_batch

        model, pictures = folder / "small.safetensors", folder / "pictures"
        if not pictures.exists():
            write_model(*small_classifier(), model)
            made = folder / "unfinished"
            made.mkdir(exist_ok=True)
            for number in range(PICTURES):
                (made / f"{number:03}.png").write_bytes(_picture(number))
            made.rename(pictures)
        first = next(number for number in range(10**6) if not _is_done(folder / f"{number}.jsonl"))
        for number in range(first, first + turns):
            out = folder / f"{number}.jsonl"
            run_batch(model, [pictures], out, threads=1, resume=True, progress=lambda done, total: begin())

    def check(self, folder: Path) -> None:
        for out in folder.glob("*.jsonl"):
            rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
            assert Counter(Path(row["path"]).name for row in rows) == {f"{n:03}.png": 1 for n in range(PICTURES)}
            assert all(row["label"] and row["error"] is None for row in rows)

    def check_end(self, folder: Path) -> None:
        super().check_end(folder)
        assert list(folder.glob("*.jsonl"))
        assert not list(folder.glob("*.partial"))


def _is_done(out: Path) -> bool:
    """Tell whether a run was not killed between its last row and the end."""
    return out.exists() and not out.with_name(f"{out.name}.partial").exists()
