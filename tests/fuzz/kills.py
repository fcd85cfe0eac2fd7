"""Programs that are killed at any moment: ``python -m tests.fuzz.kills [VICTIM...] --times 100``.

A victim works in a process of its own, forked from one in which everything is imported, so that the kill comes while it
works and not while Python starts; whatever processes it starts die with it. After each kill its folder must hold
something whole, and at the end, after one undisturbed turn, nothing else.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import select
import signal
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

VICTIMS = {
    "model_file": "tests.fuzz.victims:ModelFile",
    "embed": "tests.fuzz.victims:EmbeddedFolder",
    "export": "tests.fuzz.train_victims:Export",
    "training": "tests.fuzz.train_victims:Training",
}
PATIENCE = 600.0  # seconds that a victim may take to begin


class Victim(ABC):
    """Something that writes. It is made, and ``check`` is called, in the process that forks: no threads there."""

    longest: ClassVar[float] = 0.1  # seconds between its beginning and the kill, at most

    @abstractmethod
    def work(self, folder: Path, begin: Callable[[], object], turns: int) -> None:
        """Write in ``folder``, so many times over, and call ``begin`` when what may be killed begins."""

    @abstractmethod
    def check(self, folder: Path) -> None:
        """Look at what a killed one left. Raises AssertionError where that is not whole."""

    def check_end(self, folder: Path) -> None:
        """Look at what is there after an undisturbed turn: nothing unfinished."""
        self.check(folder)
        left = sorted(path.name for path in folder.rglob(".*"))
        assert not left, f"expected nothing unfinished in {folder}, found {left}"


def kill_often(victim: Victim, folder: Path, times: int, rng: random.Random) -> int:
    """Kill a victim so many times; give how many of the kills came before it had ended by itself."""
    killed = 0
    for _ in range(times):
        killed += _killed(victim, folder, rng.uniform(0.0, victim.longest))
        victim.check(folder)
    _undisturbed(victim, folder)
    victim.check_end(folder)
    return killed


def _killed(victim: Victim, folder: Path, delay: float) -> bool:
    """Let it work for ``delay`` seconds, kill it, and tell whether it was still at work."""
    process, started = _forked(victim, folder, 10**9)
    try:
        _wait_for(started)
        time.sleep(delay)
    finally:
        os.close(started)
        os.killpg(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
    ended = os.waitstatus_to_exitcode(status)
    assert ended in (0, -signal.SIGKILL), f"expected it to be killed, or done; it ended with {ended}"
    return ended != 0


def _undisturbed(victim: Victim, folder: Path) -> None:
    process, started = _forked(victim, folder, 1)
    ended = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(started)
    assert ended == 0, f"expected it to do its work after all that, found it ended with {ended}"


def _forked(victim: Victim, folder: Path, turns: int) -> tuple[int, int]:
    """Start it in a process of its own, which leads a group; give that, and a pipe on which a byte says it began."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            os.setsid()
            os.close(reading)
            victim.work(folder, lambda: os.write(writing, b"."), turns)
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writing)
    while True:  # until it leads its group, or is gone
        try:
            if os.getpgid(process) == process:
                break
        except ProcessLookupError:
            break
        time.sleep(0.001)
    return process, reading


def _wait_for(pipe: int) -> None:
    assert select.select([pipe], [], [], PATIENCE)[0], f"expected it to begin within {PATIENCE} s"
    os.read(pipe, 1)


def victim_of(name: str) -> Victim:
    """Make the victim of that name."""
    module, _, attribute = VICTIMS[name].partition(":")
    victim: Victim = getattr(importlib.import_module(module), attribute)()
    return victim


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills", description=__doc__)
    parser.add_argument("victims", metavar="VICTIM", nargs="*", help=f"of {', '.join(VICTIMS)} (default: all)")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.victims) - set(VICTIMS))
    if unknown:
        parser.error(f"expected victims of {', '.join(VICTIMS)}, got {', '.join(unknown)}")
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4), "little")
    print(f"seed {seed}", flush=True)
    for name in options.victims or VICTIMS:
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            began = time.monotonic()
            killed = kill_often(victim_of(name), Path(folder), options.times, random.Random(f"{seed} {name}"))
            print(
                f"{name}: killed {killed} of {options.times} times, in {time.monotonic() - began:.0f} s: whole",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
