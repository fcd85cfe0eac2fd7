"""``examples/container``, and what a container is: process 1, nobody, no home, plain ASCII, nothing to write to."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.helpers.deploy_page import DIGITS, MODEL, ROOT, block, label_of

DOCKERFILE = ROOT / "examples/container/Dockerfile"


class TestDockerfile:
    def test_it_copies_what_is_there_and_not_ignored(self) -> None:
        copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
        names = [name for line in copied for name in line.split()]
        kept = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
        assert len(names) > 5
        assert all((ROOT / name).exists() for name in names)
        assert {f"!{name}" for name in names} == {line for line in kept if line.startswith("!")}

    def test_the_page_names_it(self) -> None:
        assert str(DOCKERFILE.relative_to(ROOT)) in block("docker build")


Start = Callable[..., "subprocess.Popen[str]"]


def docker_answers() -> bool:
    """Whether there is a Docker engine, not its client alone."""
    return bool(shutil.which("docker")) and subprocess.run(["docker", "info"], capture_output=True).returncode == 0


@pytest.mark.skipif(not docker_answers(), reason="no Docker engine answers here")
def test_as_printed() -> None:
    commands = ["bash", "-euc", block("docker build")]
    done = subprocess.run(commands, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("/pictures/")]
    assert len(lines) == len(DIGITS)
    assert sum(label_of(picture) == label for picture, label in lines) >= 58


def unshares() -> bool:
    """Whether this process may make namespaces of processes and mounts."""
    command = ["unshare", "--pid", "--fork", "--mount", "true"]
    return shutil.which("setpriv") is not None and subprocess.run(command, capture_output=True).returncode == 0


NOBODY = "setpriv --reuid 54321 --regid 54321 --clear-groups --no-new-privs --bounding-set=-all"


def is_for_everybody() -> bool:
    """Whether nobody in particular can read this Python, its packages and this clone."""
    command = [*NOBODY.split(), sys.executable, "-c", f"import numpy; open({str(ROOT / 'setup.py')!r})"]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def contained() -> Iterator[Start]:
    """Start ``python ARGUMENTS`` as the first process of a container: what this system has is there to be read."""
    if not shutil.which("unshare") or not unshares():
        pytest.skip("no namespaces can be made here")
    if not is_for_everybody():
        pytest.skip("this Python or this clone lies in a folder that others may not read")
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, hidden: Sequence[str] = (), **environment: str) -> subprocess.Popen[str]:
        steps = [
            "mount --make-rprivate /",
            "mount -o remount,bind,ro /",
            "mount -t proc proc /proc",
            *(f"mount -t tmpfs -o ro none {folder}" for folder in hidden),
            "cd /",
            f"exec {NOBODY} {shlex.join([sys.executable, *map(str, arguments)])}",
        ]
        bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONUTF8": "0"}
        process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--mount", "sh", "-c", " && ".join(steps)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**bare, "PYTHONCOERCECLOCALE": "0", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


SURROUNDINGS = """
import locale, os, pwd, sys
from pathlib import Path
assert os.getpid() == 1
assert os.getuid() == 54321 and "HOME" not in os.environ
try:
    pwd.getpwuid(os.getuid())
except KeyError:
    pass
else:
    raise AssertionError("somebody")
assert locale.getpreferredencoding(False) == "ANSI_X3.4-1968", locale.getpreferredencoding(False)
for folder in ("/", "/usr", "/root", "/var"):
    assert not os.access(folder, os.W_OK)
from lcnn_engine import Net, kernel_info
net = Net.load(sys.argv[1])
print(net.classify(sys.argv[2], top=1)[0][0], kernel_info()["blas"], kernel_info()["threads"] >= 1)
print(net.summary().splitlines()[0].split()[0])
"""


def test_the_engine_needs_nothing_of_it(contained: Start) -> None:
    process = contained("-c", SURROUNDINGS, MODEL, DIGITS[0])
    out, error = process.communicate(timeout=120)
    assert out.splitlines()[0] == "0 NumPy's True", error
    assert error == ""


def test_nor_of_proc_and_sys(contained: Start) -> None:
    code = "import sys; from lcnn_engine import Net; print(Net.load(sys.argv[1]).classify(sys.argv[2])[0][0])"
    out, error = contained("-c", code, MODEL, DIGITS[0], hidden=("/proc", "/sys")).communicate(timeout=120)
    assert (out, error) == ("0\n", "")


@pytest.mark.parametrize(
    "command",
    [("predict", MODEL, DIGITS[0]), ("info",), ("info", MODEL), ("bench", MODEL, "--runs", "3"), ("verify", MODEL)],
    ids=lambda command: " ".join(map(str, command[:1])),
)
def test_commands_need_nothing_of_it(contained: Start, command: tuple[object, ...]) -> None:
    out, error = contained("-m", "lcnn_engine", *command).communicate(timeout=120)
    assert out
    assert error == ""


def test_what_cannot_be_written_is_a_line(contained: Start) -> None:
    process = contained("-m", "lcnn_engine", "embed", MODEL, "/nowhere/digits")
    _, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert error.count("\n") == 1
    assert "/nowhere" in error


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_first_process_ends_when_it_is_asked_to(contained: Start, number: signal.Signals, status: int) -> None:
    """For process 1 SIGTERM does nothing by itself: who stops a container would wait for ten seconds, and kill it."""
    process = contained("-m", "lcnn_engine", "predict", MODEL, "-", "--jsonl")
    process.stdin.write(f"{DIGITS[0]}\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["classes"][0]["label"] == "0"
    (inside,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(inside), number)
    process.wait(timeout=5)
    assert process.returncode == status
