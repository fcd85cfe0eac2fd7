"""Files that are either whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lcnn_engine.utils.files import check_place, replacing


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
