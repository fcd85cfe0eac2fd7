"""Folders of figures: those of the dead go, those of the living stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("fcntl", reason="workers are forked where there is fcntl")

from lcnn_engine.serve.figures import PREFIX, figures_folder
from tests.helpers.running import ROOT
from tests.helpers.serving import SECONDS, served


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the temporary one of this process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_it_is_there_for_the_block(temporary: Path):
    with figures_folder() as folder:
        assert list(temporary.iterdir()) == [folder]
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "counter_1.db").write_bytes(b"1")
    assert not list(temporary.iterdir())


def test_those_of_the_living_stay():
    with figures_folder() as first, figures_folder() as second:
        assert first.exists()
        assert second.exists()


def test_those_of_the_dead_go(temporary: Path):
    """Whatever of it is alive: a server, then a worker of it alone, then nothing."""
    code = "import os, time\nfrom lcnn_engine.serve.figures import figures_folder\nwith figures_folder() as folder:\n"
    code += "    (folder / 'counter_1.db').write_bytes(b'1')\n    worker = os.fork()\n"
    code += "    if worker: print(worker, flush=True)\n    time.sleep(600)"
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        try:
            (left,) = temporary.iterdir()
            with figures_folder():
                assert left.exists()
            parent.kill()
            parent.wait(SECONDS)
            with figures_folder():
                assert left.exists()
        finally:
            parent.kill()
            os.kill(worker, signal.SIGKILL)

    def is_removed() -> bool:
        with figures_folder():
            return not left.exists()

    wait_until(is_removed)  # who kills does not wait for an orphan
    assert not list(temporary.iterdir())


def test_nothing_else_is_touched(temporary: Path):
    """Another name, a link, a file, what holds anything but figures."""
    (temporary / "elsewhere").mkdir()
    (temporary / "elsewhere" / "counter_1.db").write_bytes(b"1")
    (temporary / f"{PREFIX}12345678").symlink_to(temporary / "elsewhere")
    (temporary / f"{PREFIX}abcdefgh").write_bytes(b"")
    (temporary / f"{PREFIX}photographs").mkdir()
    (temporary / f"{PREFIX}pictures").mkdir()
    (temporary / f"{PREFIX}pictures" / "dog.png").write_bytes(b"1")
    before = sorted(temporary.rglob("*"))
    with figures_folder():
        pass
    assert sorted(temporary.rglob("*")) == before


def test_one_that_is_removed_before_it_is_locked(temporary: Path, monkeypatch: pytest.MonkeyPatch):
    made = tempfile.mkdtemp
    taken = []

    def made_and_removed(**options: str) -> str:
        folder = made(**options)
        if not taken:
            taken.append(folder)
            Path(folder).rmdir()
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", made_and_removed)
    with figures_folder() as folder:
        assert [str(folder)] != taken
        assert list(temporary.iterdir()) == [folder]


def test_one_that_another_locks_first(temporary: Path, monkeypatch: pytest.MonkeyPatch):
    from lcnn_engine.serve.figures import _locked

    made = tempfile.mkdtemp
    with ExitStack() as stack:
        taken = []

        def made_and_locked(**options: str) -> str:
            folder = made(**options)
            if not taken:
                taken.append(folder)
                stack.enter_context(_locked(Path(folder)))
            return folder

        monkeypatch.setattr(tempfile, "mkdtemp", made_and_locked)
        with figures_folder() as folder:
            assert [str(folder)] != taken


def test_a_file_system_without_locks(temporary: Path, monkeypatch: pytest.MonkeyPatch):
    import fcntl

    def none(_: int, __: int) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with figures_folder(), figures_folder():
        assert len(list(temporary.iterdir())) == 2
    assert not list(temporary.iterdir())


def test_a_server_removes_what_one_that_was_killed_has_left(model_path: Path, picture: bytes, temporary: Path):
    pytest.importorskip("uvicorn", reason="the extra serve is not installed")
    with served(model_path, "--workers", 2, TMPDIR=str(temporary)) as server:
        assert server.ask("POST", "/classify", picture)[0] == 200
        (left,) = temporary.iterdir()
        server.process.kill()
        server.process.wait(SECONDS)

        def nobody_listens() -> bool:
            try:
                server.connect().close()
            except ConnectionRefusedError:
                return True
            return False

        wait_until(nobody_listens)
    assert left.exists()

    def is_removed() -> bool:
        with served(model_path, "--workers", 2, TMPDIR=str(temporary)) as server:
            assert server.end() == 0
        return not left.exists()

    wait_until(is_removed)  # workers end somewhat later than their sockets
    assert not list(temporary.iterdir())
