"""The commands of ``docs/deploy.md``, run as they are printed, in a folder that looks like a clone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/deploy.md"
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MODEL = ROOT / "weights/mnist-alexnet-lcnn-fast.safetensors"
DIGITS = sorted((ROOT / "tests/data/digits").glob("*.png"))
PROGRAMS = {"python": "", "lcnn": "-m lcnn_engine", "gunicorn": "-m gunicorn", "pyinstaller": "-m PyInstaller"}


def blocks() -> list[str]:
    """Every block of commands on the page."""
    return SHELL_BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def block(needle: str) -> str:
    """The one block of the page that holds ``needle``."""
    found = [commands for commands in blocks() if needle in commands]
    assert len(found) == 1, f"{needle!r} is in {len(found)} blocks of {PAGE}"
    return found[0]


class Clone:
    """A folder in which commands find what a clone has, and leave what they write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("examples", "tests", "weights"):
            (folder / name).symlink_to(ROOT / name)
        (folder / ".programs").mkdir()
        for name, arguments in PROGRAMS.items():
            program = folder / ".programs" / name
            program.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
            program.chmod(0o755)

    def environment(self, **more: str) -> dict[str, str]:
        """What commands run with: this interpreter as ``python``, this package, whether it is installed or not."""
        path = f"{self.folder / '.programs'}:{os.environ['PATH']}:{Path.home() / '.cargo/bin'}"
        packages = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, "PATH": path, "PYTHONPATH": packages, **more}

    def run(self, commands: str, timeout: float = 300, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run commands of the shell; the first that fails ends them."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands], cwd=self.folder, env=self.environment(**environment),
            capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def output(self, needle: str, timeout: float = 300) -> str:
        """Run the page's block that holds ``needle``, which must succeed; what it prints on the standard output."""
        done = self.run(block(needle), timeout)
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout


def answers(output: str) -> dict[str, str]:
    """The lines ``PICTURE: LABEL PROBABILITY``: each picture's label."""
    return dict(re.findall(r"^(\S+): (\S+) [01]\.\d+$", output, re.MULTILINE))


def label_of(picture: str) -> str:
    """The digit that a picture of ``tests/data`` shows, by its name."""
    found = re.search(r"label(\d)", picture)
    assert found, picture
    return found[1]
