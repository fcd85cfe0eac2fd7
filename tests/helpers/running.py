"""Ways to run the command ``lcnn``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[2]


def hear_interrupts() -> None:
    """Let a program that starts (``preexec_fn``) hear Ctrl-C, which a shell lets programs in the background ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def conversing(*arguments: str) -> subprocess.Popen[str]:
    """Start ``lcnn`` with pipes for all that it reads and writes; it hears Ctrl-C."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-m", "lcnn_engine", *arguments],
        cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True, preexec_fn=hear_interrupts,
    )  # fmt: skip


class Run(Protocol):
    """In this process, as the fixture ``run``: arguments -> (exit status, standard output, standard error)."""

    def __call__(self, *arguments: object) -> tuple[int, str, str]: ...


def in_shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which ``lcnn`` is the command."""
    program = f"{sys.executable} -c 'import sys; from lcnn_engine.cli import main; sys.exit(main())'"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; lcnn() {{ {program} \"$@\"; }}; {command}"],
        capture_output=True, text=True, timeout=120, env={**os.environ, **environment}, cwd=ROOT,
    )  # fmt: skip
