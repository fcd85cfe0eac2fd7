"""``lcnn embed``."""

from __future__ import annotations

from pathlib import Path

import pytest

from lcnn_engine.cli import main


def test_it_writes_a_folder_and_says_what_next(model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["embed", str(model_path), str(tmp_path / "net"), "--isa", "scalar", "--name", "tiny"]) == 0
    assert "begin with README.md" in capsys.readouterr().out
    assert (tmp_path / "net/tiny.h").is_file()


@pytest.mark.parametrize("options", [["--isa", "sse9"], ["--name", "two words"]])
def test_what_cannot_be_is_one_line(
    model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture, options: list[str]
) -> None:
    assert main(["embed", str(model_path), str(tmp_path / "net"), *options]) == 2
    error = capsys.readouterr().err
    assert "expected" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "net").exists()


def test_a_missing_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["embed", str(tmp_path / "none.safetensors"), str(tmp_path / "net")]) == 2
    assert "none.safetensors" in capsys.readouterr().err


def test_it_writes_the_library(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["embed", "--library", str(tmp_path / "lib")]) == 0
    assert "begin with README.md" in capsys.readouterr().out
    assert (tmp_path / "lib/include/lcnn.h").is_file()


@pytest.mark.parametrize(
    "words", [[], ["MODEL"], ["MODEL", "DIR", "--library", "LIB"], ["--library", "LIB", "--name", "x"]]
)
def test_a_model_or_the_library(
    model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture, words: list[str]
) -> None:
    places = {"MODEL": str(model_path), "DIR": str(tmp_path / "net"), "LIB": str(tmp_path / "lib")}
    assert main(["embed", *(places.get(word, word) for word in words)]) == 2
    assert "--library" in capsys.readouterr().err
    assert not list(tmp_path.glob("[nl]*"))
