"""The two sides: each a tree with a built engine, and a folder from which its processes import.

That folder holds two links, ``lcnn_engine`` of the side and ``benchmarks`` of this tree: what measures is the same code
on both sides.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..utils import machine

BUILD = ("setup.py", "-q", "build_clib", "build_ext", "--inplace")


class SideError(Exception):
    """A side cannot be made ready; the message says why and what to do."""


@dataclass(frozen=True)
class Side:
    """One side. ``root``: the folder to import from and to run in."""

    title: str
    tree: Path
    root: Path
    commit: str


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Check ``commit`` out in a git worktree of its own, build it there, and remove it in the end.

    Raises SideError for what is no commit, and where it does not build.
    """
    resolved = _git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", str(tree), resolved)
        try:
            build(tree)
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def build(tree: Path) -> None:
    """Compile the kernels of ``tree`` in place. Raises SideError."""
    print(f"building {_commit_of(tree)}", file=sys.stderr, flush=True)
    _output([sys.executable, *BUILD], tree)


@contextmanager
def sides(other: Path) -> Iterator[tuple[Side, Side]]:
    """Make the new side, this tree, and the old one, the tree ``other``, ready to import from. Raises SideError."""
    with tempfile.TemporaryDirectory() as folder:
        yield (
            _side("new", machine.ROOT, Path(folder) / "new"),
            _side("old", other.resolve(), Path(folder) / "old"),
        )


def _side(title: str, tree: Path, root: Path) -> Side:
    engine = tree / "lcnn_engine"
    if not (engine / "__init__.py").exists():
        raise SideError(f"expected a tree with lcnn_engine in it, got {tree}")
    if not list(engine.rglob("*.so")):
        raise SideError(f"expected {engine} to be built; run `python {' '.join(BUILD)}` in {tree}")
    root.mkdir()
    (root / "lcnn_engine").symlink_to(engine, target_is_directory=True)
    (root / "benchmarks").symlink_to(machine.ROOT / "benchmarks", target_is_directory=True)
    return Side(title, tree, root, _commit_of(tree))


def _commit_of(tree: Path) -> str:
    """The commit of a tree, ``-dirty`` where files differ from it; "unknown" outside of git."""
    try:
        return _output(["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"], tree)
    except SideError:
        return "unknown"


def _git(*arguments: str) -> str:
    return _output(["git", *arguments], machine.ROOT)


def _output(command: list[str], folder: Path) -> str:
    """What a command prints. Raises SideError with the end of its complaint."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    except OSError as error:
        raise SideError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise SideError(f"{' '.join(command)}: {' '.join(done.stderr.split())[-500:]}")
    return done.stdout.strip()
