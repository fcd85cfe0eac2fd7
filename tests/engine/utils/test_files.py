"""Files, and folders of them, that are either whole or not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lcnn_engine.utils import files
from lcnn_engine.utils.files import check_place, replacing, replacing_folder


def test_the_file_is_there_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replacing(path) as stream:
        stream.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_of_one_that_failed(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with replacing(tmp_path / "file") as stream:
            stream.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "error"),
    [("folder", IsADirectoryError), ("none/file", FileNotFoundError), ("plain/file", NotADirectoryError)],
)
def test_where_no_file_can_lie(tmp_path: Path, name: str, error: type[OSError]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").touch()
    with pytest.raises(error, match=name):
        check_place(tmp_path / name)
    with pytest.raises(error, match=name), replacing(tmp_path / name):
        pass


def test_devices_are_not_replaced() -> None:
    with pytest.raises(FileExistsError, match="device, pipe or socket"):
        check_place(os.devnull)


KILLED = """
import os, signal, sys
from lcnn_engine.utils.files import replacing
with replacing(sys.argv[1]) as stream:
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_a_writer(path: Path) -> Path:
    """Leave what a writer of ``path`` leaves that is killed half-way."""
    before = set(path.parent.iterdir())
    assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode == -signal.SIGKILL
    (left,) = set(path.parent.iterdir()) - before
    return left


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    kill_a_writer(tmp_path / "first")
    with replacing(tmp_path / "second") as stream:
        stream.write(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["second"]


def test_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    """Its own, that of another process, that of another machine, and files of other names."""
    left = kill_a_writer(tmp_path / "file")
    _, machine, process, rest = left.name.split("-")
    theirs = {
        f".lcnn-{machine}-{os.getppid()}-{rest}",
        f".lcnn-{machine}-1-{rest}",
        f".lcnn-{int(machine, 16) ^ 1:08x}-{process}-{rest}",
        f".lcnn-{rest}",
        f".lcnn-{machine}-{process}-notes",
    }
    for name in theirs:
        (tmp_path / name).touch()
    with replacing(tmp_path / "outer") as outer, replacing(tmp_path / "inner") as inner:
        inner.write(b"inner")
        outer.write(b"outer")
    assert {path.name for path in tmp_path.iterdir()} == theirs | {"outer", "inner"}


def test_a_number_that_comes_again_is_not_the_same_process(tmp_path: Path) -> None:
    """In a container every start may have the same one."""
    left = kill_a_writer(tmp_path / "file")
    _, machine, _, rest = left.name.split("-")
    left.rename(tmp_path / f".lcnn-{machine}-{os.getpid()}-{rest}")
    with replacing(tmp_path / "file"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def write_folder(place: Path, word: str) -> None:
    with replacing_folder(place) as making:
        (making / "inner").mkdir()
        for name in ("one", "inner/two"):
            (making / name).write_text(word)


def words_in(place: Path) -> set[str]:
    return {path.read_text() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("in_one_step", [True, False])
def test_a_folder_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_one_step: bool
) -> None:
    if not in_one_step:
        monkeypatch.setattr(files, "_EXCHANGE", 2**30)  # which no system knows
    place = tmp_path / "below" / "folder"
    for word in ("old", "new", "newer"):
        write_folder(place, word)
        assert words_in(place) == {word}
        assert list(place.parent.iterdir()) == [place]
    assert place.stat().st_mode == place.parent.stat().st_mode


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_of_a_folder_that_failed(tmp_path: Path, error: type[BaseException]) -> None:
    write_folder(tmp_path / "folder", "old")

    def fail() -> None:
        with replacing_folder(tmp_path / "folder") as making:
            (making / "half").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert words_in(tmp_path / "folder") == {"old"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_next_writer_removes_a_folder_that_a_killed_one_left(tmp_path: Path) -> None:
    left = kill_a_writer(tmp_path / "file")
    left.unlink()
    left.with_suffix("").mkdir()
    (left.with_suffix("") / "half").write_text("half")
    write_folder(tmp_path / "folder", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
