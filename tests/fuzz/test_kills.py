"""What is killed at any moment leaves something whole, and what does not is found out."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.kills import Victim, kill_often, main
from tests.fuzz.pool import ROOT


class HalfWritten(Victim):
    """Writes a file in its place, half by half."""

    longest = 0.05

    def work(self, folder: Path, begin: Callable[[], object], turns: int) -> None:
        for turn in range(turns):
            with (folder / "file").open("w") as stream:
                stream.write("half")
                stream.flush()
                time.sleep(0.01)
                stream.write(" and half")
            if turn == 0:
                begin()

    def check(self, folder: Path) -> None:
        assert (folder / "file").read_text() == "half and half"


class LeftBehind(Victim):
    """Does its work, and leaves what it needed for it."""

    def work(self, folder: Path, begin: Callable[[], object], turns: int) -> None:
        (folder / ".unfinished").touch()
        begin()

    def check(self, folder: Path) -> None:
        assert (folder / ".unfinished").exists()


class Failing(Victim):
    """Ends by an error."""

    def work(self, folder: Path, begin: Callable[[], object], turns: int) -> None:
        begin()
        raise ValueError

    def check(self, folder: Path) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("victim", "found"), [(HalfWritten, "half"), (LeftBehind, "nothing unfinished"), (Failing, "ended with 1")]
)
def test_what_is_not_whole_is_found(victim: type[Victim], found: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=found):
        kill_often(victim(), tmp_path, 100, random.Random(1))


def test_what_writes_files_leaves_them_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model_file", "embed", "--times", "8", "--seed", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "seed 2"
    assert [line.split(" of ")[1].partition(",")[0] for line in lines[1:]] == ["8 times"] * 2


def test_so_does_what_trains() -> None:
    """In a process of its own: one in which TensorFlow has run cannot be forked."""
    pytest.importorskip("tensorflow")
    command = [sys.executable, "-m", "tests.fuzz.kills", "export", "training", "--times", "2", "--seed", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count(": whole") == 2
