"""Python in a process of its own, for what a process does only once: imports, above all."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python(code: str, *arguments: object, blocked: Iterable[str] = (), **environment: str):
    """Run `code` with arguments; importing a module of `blocked` is an error there. The finished process."""
    block = f"import sys; sys.modules.update(dict.fromkeys({tuple(blocked)!r}))\n"
    return subprocess.run(
        [sys.executable, "-c", block + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def processor_seconds(command: list[str]) -> float:
    """The processor time that a command takes, whatever its exit status: the least of three."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(3))
